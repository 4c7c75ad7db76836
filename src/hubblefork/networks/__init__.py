"""Architectures, by name: registry, heads, pretrained weights."""
