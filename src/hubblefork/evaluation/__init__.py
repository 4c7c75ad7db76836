"""Metrics of predictions with their uncertainty: NumPy arrays in, plain dictionaries out."""
