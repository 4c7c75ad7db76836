"""What a trained network sees: its filters, and what its layers answer to an image."""
