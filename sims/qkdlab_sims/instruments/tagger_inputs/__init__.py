"""Connectors and clock of a time tagger, whatever its make."""
