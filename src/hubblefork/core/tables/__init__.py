"""Tables of every format that astronomers exchange: read and written row by row, types kept."""
