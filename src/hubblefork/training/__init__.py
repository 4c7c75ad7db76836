"""The plan of a training, the training loop, and the probe."""
