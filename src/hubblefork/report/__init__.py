"""What a finished run looks like to a reader: figures, an HTML page, a table on the terminal."""
