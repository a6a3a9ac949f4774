"""The exponential function as vector code."""
