"""Sifting, verification, amplification and the key length, once more.

Plain Python over lists and integers; imports nothing of qkdlab. Written from the
documents; the formulas are those of Lim et al. 2014.
"""

from __future__ import annotations

import math


def verification(bits, key, tag_bits):
    """Polynomial hash over GF(2^128), x^128 = x^7 + x^2 + x + 1."""

    def times(a, b):
        product = 0
        for i in range(128):
            if a >> i & 1:
                product ^= b << i
        for i in range(product.bit_length() - 1, 127, -1):
            if product >> i & 1:
                product ^= 1 << i | 0x87 << (i - 128)
        return product

    number = sum(bit << i for i, bit in enumerate(bits))
    point = sum(bit << i for i, bit in enumerate(key))
    total = 0
    for block in range(-(-len(bits) // 128)):
        total = times(total ^ (number >> (128 * block) & (2**128 - 1)), point)
    return [total >> i & 1 for i in range(tag_bits)]


def toeplitz(bits, seed, n_output):
    """(I | T) x, T[i, j] = seed[i - j + k - 1]."""
    k = len(bits) - n_output
    return [
        (bits[i] + sum(seed[i - j + k - 1] & bits[n_output + j] for j in range(k))) % 2
        for i in range(n_output)
    ]


def sift(alice_basis, bob_basis, cross):
    """Return the indices of key and test slots."""
    key, test = [], []
    for i, (a, b, x) in enumerate(zip(alice_basis, bob_basis, cross, strict=True)):
        if not x and a == b:
            (test if a else key).append(i)
    return key, test


def lim_2014(n_x, n_z, m_z, p_x, p_z, box, leak, eps_sec, verification_bits):
    """Return equation (1) of Lim et al. 2014, least over the corners of the box.

    The verification term is `verification_bits` instead of log2(2 / eps_cor).
    """
    corners = [(mu1, mu2, mu3) for mu1 in box[0] for mu2 in box[1] for mu3 in box[2]]
    return min(
        lim_at(n_x, n_z, m_z, p_x, p_z, mu, leak, eps_sec, verification_bits)
        for mu in corners
    )


def lim_at(n_x, n_z, m_z, p_x, p_z, mu, leak, eps_sec, verification_bits):
    mu1, mu2, mu3 = mu

    def entropy(x):
        return -x * math.log2(x) - (1 - x) * math.log2(1 - x)

    def corrected(counts, p, sign):
        width = math.sqrt(sum(counts) / 2 * math.log(21 / eps_sec))
        return [
            math.exp(k) / q * (n + sign * width)
            for n, q, k in zip(counts, p, mu, strict=True)
        ]

    def singles(counts, p):
        tau0 = sum(q * math.exp(-k) for q, k in zip(p, mu, strict=True))
        tau1 = sum(q * math.exp(-k) * k for q, k in zip(p, mu, strict=True))
        low, high = corrected(counts, p, -1), corrected(counts, p, 1)
        s0 = max(0.0, tau0 * (mu2 * low[2] - mu3 * high[1]) / (mu2 - mu3))
        s1 = tau1 * mu1 / (mu1 * (mu2 - mu3) - mu2**2 + mu3**2)
        s1 *= low[1] - high[2] - (mu2**2 - mu3**2) / mu1**2 * (high[0] - s0 / tau0)
        return s0, s1, tau1

    s_x0, s_x1, _ = singles(n_x, p_x)
    _, s_z1, tau1 = singles(n_z, p_z)
    high, low = corrected(m_z, p_z, 1), corrected(m_z, p_z, -1)
    v = tau1 * (high[1] - low[2]) / (mu2 - mu3)
    b = v / s_z1
    c, d = s_z1, s_x1
    inside = (c + d) / (c * d * (1 - b) * b) * 21**2 / eps_sec**2
    gamma = math.sqrt((c + d) * (1 - b) * b / (c * d * math.log(2)) * math.log2(inside))
    phi = b + gamma
    logs = 6 * math.log2(21 / eps_sec) + verification_bits
    return s_x0 + s_x1 * (1 - entropy(phi)) - leak - logs
