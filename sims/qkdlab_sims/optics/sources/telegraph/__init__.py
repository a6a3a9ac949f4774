"""A two-state process that can be had at any time without what came before."""
