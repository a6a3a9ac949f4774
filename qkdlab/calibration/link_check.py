"""Whether counts of a public pattern are what intensities and losses lead to expect.

Of phase-randomised pulses of mean photon number mu, a share ``1 - exp(-eta mu)``
clicks, and dark counts come on top (Lim et al. 2014, section on the channel model).
The transmission eta is taken from the brightest class; the others then have nothing
left to be fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qkdlab.calibration.measured import Measured

__all__ = ["ClassCheck", "check_classes", "error_rate"]


@dataclass(frozen=True, slots=True)
class ClassCheck:
    """One intensity class.

    gain:       observed clicks per pulse
    expected:   clicks per pulse, with the uncertainties of intensities and counts
    deviations: of the gain from it, in standard deviations
    """

    gain: Measured
    expected: Measured
    deviations: float


def check_classes(
    clicks: Sequence[float],
    pulses: Sequence[float],
    photons: Sequence[Measured],
    dark_per_pulse: Measured,
    live_fraction: float,
) -> tuple[Measured, tuple[ClassCheck, ...]]:
    """Return the transmission and, per class, what is expected, brightest first.

    clicks, pulses: per class; pulses all, in live slots or not
    photons:        mean photon numbers with their uncertainties
    live_fraction:  of slots

    The uncertainty of what is common to all intensities cancels between classes: that
    of a ratio is taken from the dim class alone. Raises ValueError without clicks.
    """
    gains = [
        Measured(c / (n * live_fraction), max(c, 1.0) ** 0.5 / (n * live_fraction))
        for c, n in zip(clicks, pulses, strict=True)
    ]
    signal = gains[0].value - dark_per_pulse.value
    if not 0 < signal < 1:
        raise ValueError("the brightest class gives no clicks")
    eta = -float(np.log1p(-signal)) / photons[0].value
    relative = np.hypot(
        np.hypot(gains[0].uncertainty, dark_per_pulse.uncertainty) / signal,
        photons[0].uncertainty / photons[0].value,
    )
    checks = []
    for k, (gain, mu) in enumerate(zip(gains, photons, strict=True)):
        light = -float(np.expm1(-eta * mu.value))
        own = mu.uncertainty / mu.value if k else 0.0
        error = float(
            np.hypot(
                light * np.hypot(own, gains[0].uncertainty / signal),
                dark_per_pulse.uncertainty,
            )
        )
        expected = Measured(light + dark_per_pulse.value, error)
        spread = float(np.hypot(gain.uncertainty, error)) if k else gain.uncertainty
        checks.append(
            ClassCheck(gain, expected, (gain.value - expected.value) / spread)
        )
    return Measured(eta, eta * float(relative)), tuple(checks)


def error_rate(wrong: float, total: float) -> Measured:
    """Return the share of wrong clicks with its binomial uncertainty.

    One wrong click is added to the variance, so that none do not mean certainty.
    """
    if total <= 0:
        return Measured(0.5, 0.5)
    share = wrong / total
    variance = (wrong + 1.0) * max(1.0 - share, 0.0) / total**2
    return Measured(share, variance**0.5)
