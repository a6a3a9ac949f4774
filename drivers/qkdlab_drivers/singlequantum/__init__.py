"""Drivers of Single Quantum instruments."""
