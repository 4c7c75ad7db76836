"""The run folder, its provenance, resuming, and what overlaps with its training set."""
