"""From the bytes of image files to uint8 arrays of one size."""
