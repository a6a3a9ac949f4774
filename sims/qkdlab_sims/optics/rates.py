"""Expected count rates, for readings that need no single clicks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.detector import DetectorState
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.snspd import DetectorParameters

__all__ = ["mean_rates_hz", "unrecovered_fraction"]

_RECOVERY_TAUS = 24.0  # after which the efficiency is back


def unrecovered_fraction(
    detector: DetectorParameters, bias_ua: float, after_ps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 1 - eta(I(t))/eta(I_bias) at times after a click."""
    full = detector.relative_efficiency(bias_ua)
    currents = bias_ua * -np.expm1(-after_ps / detector.recovery_tau_ps)
    return np.array([1.0 - detector.relative_efficiency(i) / full for i in currents])


def mean_rates_hz(
    state: DetectorState, light: Light, analysers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected click rate of each detector, averaged over the pattern.

    Each click costs what the pulses after it lose while the wire recovers:
    R = R0 / (1 + p sum_j u(j T)) with p the click probability of a pulse at rest, u
    the unrecovered fraction and T the pulse period; good to second order in p.
    """
    bank = state.bank
    bias = state.effective_bias_ua()
    means = 0.5 * light.stokes() @ analysers.T
    per_pulse = 1.0 - np.exp(-means).mean(axis=0)
    free = per_pulse / (bank.period_ps * 1e-12) + bank.dark_rates_hz(bias)
    out = np.zeros(len(bias))
    for d, (p, b) in enumerate(zip(bank.parameters, bias, strict=True)):
        if b > 0.0:
            n_periods = int(_RECOVERY_TAUS * p.recovery_tau_ps / bank.period_ps) + 1
            after_ps = bank.period_ps * np.arange(1.0, n_periods + 1)
            lost = float(unrecovered_fraction(p, b, after_ps).sum())
            out[d] = free[d] / (1.0 + per_pulse[d] * lost)
    return out
