"""Packaged configurations, one YAML file each."""
