"""Drivers of Thorlabs instruments."""
