"""What was measured of a bench: values with uncertainty and age."""
