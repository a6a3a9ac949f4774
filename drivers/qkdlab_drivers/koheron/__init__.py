"""Drivers of Koheron instruments."""
