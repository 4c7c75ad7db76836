"""Common parts of all packages: errors, files, cache, progress, text, compute devices."""
