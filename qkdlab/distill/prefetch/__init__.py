"""Asking for lines of the cache in advance, on any CPU."""
