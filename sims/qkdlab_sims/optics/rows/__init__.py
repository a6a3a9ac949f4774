"""Rows of tags that passes of detectors fill."""
