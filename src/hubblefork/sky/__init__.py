"""Astronomy without torch: decision trees, class rules, FITS images, a simulated sky."""
