"""A simulated Galaxy Zoo: galaxies with known parameters, images of them, and volunteers."""
