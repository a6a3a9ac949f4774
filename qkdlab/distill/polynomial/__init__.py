"""The polynomial hash over GF(2^128), with and without carry-less products."""
