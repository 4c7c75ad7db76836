"""Recipes: the TOML files that come with hubblefork, and the settings of such a file."""
