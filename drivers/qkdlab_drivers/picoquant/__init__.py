"""Drivers of PicoQuant instruments."""
