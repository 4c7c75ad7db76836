"""What every other package uses: errors, whole files, cache, progress, text, devices."""
