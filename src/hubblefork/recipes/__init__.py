"""The recipes that come with hubblefork, as TOML files."""
