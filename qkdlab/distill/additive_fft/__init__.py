"""Products of long binary polynomials by an additive FFT over GF(2^64)."""
