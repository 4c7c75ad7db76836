"""The verbs as functions: what the command line does, for a notebook or a script."""
