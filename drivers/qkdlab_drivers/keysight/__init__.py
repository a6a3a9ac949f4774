"""Drivers of Keysight instruments."""
