"""The normal law by its inverse distribution function."""
