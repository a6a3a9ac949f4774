"""Candidate photons: where they could come, and the numbers that decide about them."""
