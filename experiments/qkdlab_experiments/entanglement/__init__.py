"""Pairs before two parties who analyse their polarization: correlations and CHSH."""
