"""Attacks that count photons: every pulse is visited, and the truth can be asked."""
