"""Recipes: the TOML files that come with hubblefork, and what such a file may hold."""
