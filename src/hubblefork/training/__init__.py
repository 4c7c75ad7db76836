"""Recipes, the training loop, and the run folder that holds all of one training."""
