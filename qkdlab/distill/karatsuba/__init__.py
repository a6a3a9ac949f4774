"""Toeplitz product over GF(2) by Karatsuba's splitting."""
