"""Catalogues, read row by row: which column is what, how each row becomes an image."""
