"""What every other package uses: errors, files, cache, progress, text, compute devices."""
