"""Sources of light beyond what `optics.light` describes, and their way to clicks."""
