"""Drivers of Hewlett-Packard instruments."""
