"""Drivers of ID Quantique instruments."""
