"""Drivers of Stanford Research Systems instruments."""
