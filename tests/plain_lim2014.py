"""The equations of Lim et al. 2014 in plain floating point, and a set of counts."""

from __future__ import annotations

import math

from qkdlab.security.lim2014 import key_length
from qkdlab.security.two_decoys import TwoDecoyCounts

P = (0.6, 0.3, 0.1)
MU = (0.5, 0.1, 0.002)
# data set A of theory-claims section 8
SET_A = TwoDecoyCounts(
    n_key=(9007656, 910087, 6201),
    n_test=(592609, 59874, 408),
    m_test=(6498, 666, 8),
    p_key=P,
    p_test=P,
)


def bounds_of(mu, relative):
    return [(k * (1 - relative), k * (1 + relative)) for k in mu]


def length_of_a(intensities, counts=SET_A, leak=1004540):
    return key_length(
        counts,
        intensities,
        leak_bits=leak,
        epsilon_secrecy=1e-10,
        epsilon_correctness=1e-15,
    )


def plain_length(counts, mu, leak, eps_sec, eps_cor):
    """The paper's equations in plain floats."""
    mu1, mu2, mu3 = mu

    def basis(n, p):
        delta = math.sqrt(sum(n) / 2 * math.log(21 / eps_sec))
        low = [
            math.exp(k) / pk * (x - delta) for k, pk, x in zip(mu, p, n, strict=True)
        ]
        high = [
            math.exp(k) / pk * (x + delta) for k, pk, x in zip(mu, p, n, strict=True)
        ]
        tau0 = sum(pk * math.exp(-k) for k, pk in zip(mu, p, strict=True))
        tau1 = sum(pk * math.exp(-k) * k for k, pk in zip(mu, p, strict=True))
        s0 = max(0, tau0 * (mu2 * low[2] - mu3 * high[1]) / (mu2 - mu3))
        s1 = (
            tau1
            * mu1
            * (low[1] - high[2] - (mu2**2 - mu3**2) / mu1**2 * (high[0] - s0 / tau0))
            / (mu1 * (mu2 - mu3) - mu2**2 + mu3**2)
        )
        return low, high, tau1, s0, s1

    _, _, _, s_x0, s_x1 = basis(counts.n_key, counts.p_key)
    _, _, _, _, s_z1 = basis(counts.n_test, counts.p_test)
    low, high, tau1, _, _ = basis(counts.m_test, counts.p_test)
    v = tau1 * (high[1] - low[2]) / (mu2 - mu3)
    b, c, d = v / s_z1, s_z1, s_x1
    gamma = math.sqrt(
        (c + d)
        * (1 - b)
        * b
        / (c * d * math.log(2))
        * math.log2((c + d) / (c * d * (1 - b) * b) * 21**2 / eps_sec**2)
    )
    phi = min(0.5, b + gamma)
    h = -phi * math.log2(phi) - (1 - phi) * math.log2(1 - phi)
    logs = 6 * math.log2(21 / eps_sec) + math.log2(2 / eps_cor)
    return s_x0 + s_x1 * (1 - h) - leak - logs
