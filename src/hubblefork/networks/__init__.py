"""Networks by name, and the model file they live in."""
