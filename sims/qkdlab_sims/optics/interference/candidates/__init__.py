"""Candidate photons of two lights that interfere."""
