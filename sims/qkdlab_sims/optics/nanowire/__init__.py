"""Nanowires as compiled kernels see them."""
