"""Configurations: strict YAML with positions, checked into models."""
