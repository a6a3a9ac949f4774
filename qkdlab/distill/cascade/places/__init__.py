"""Parities, known intervals and orders of packed frames."""
