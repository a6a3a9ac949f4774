"""Tools that made the shipped codes: density evolution, search, construction."""
