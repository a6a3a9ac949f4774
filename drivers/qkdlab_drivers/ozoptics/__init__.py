"""Drivers of OZ Optics instruments."""
