"""A phase-coded link whose receiver has two detectors: its clicks, and their law.

The two paths of an interferometer stand on the sphere as H and V do, so that a phase
between them is a polarization: matched bases give H or V, others D or A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.bank import Bank, DetectorState
from qkdlab_sims.optics.detector import simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.published.slots import error_rate, patterns, slots, stretches

__all__ = ["Tally", "fresh_light", "run", "settings_of", "two_port_law"]

_PULSES_AT_ONCE = 1 << 30
_ON_UA = 20.0


def fresh_light(
    fields: NDArray[np.complex128], shares: list[float], seed: int
) -> Light:
    """Return pulses at 1550 nm whose settings never repeat.

    fields: complex128[2 n, 2], two bit values of each class, square roots of photons
    shares: float[n], how often each class comes
    """
    key = seed.to_bytes(16, "little")
    settings = CounterSettings(key, 0, Shares.of(shares))
    return Light(fields, 1550.0, law=ContextLaw.of(settings))


def settings_of(light: Light, pulses: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the settings of pulses, 2 class + bit value.

    Raises ValueError for light that is not fresh.
    """
    if light.law is None:
        raise ValueError("only light whose settings come on demand has settings")
    return light.law.settings.settings(pulses)


@dataclass(slots=True)
class Tally:
    """What happened, by class of setting.

    sent:    pulses of all classes
    clicked: slots with any click
    errors:  of which so many give the wrong bit, doubles counting half
    """

    sent: int
    n_classes: int
    clicked: NDArray[np.int64] = field(init=False)
    errors: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.clicked = np.zeros(self.n_classes, np.int64)
        self.errors = np.zeros(self.n_classes)

    def add(self, settings: NDArray[np.int64], pattern: NDArray[np.int64]) -> None:
        """Count slots by the settings of their pulses and the detectors in them."""
        classes, bits = settings >> 1, settings & 1
        wrong = np.where(pattern == 3, 0.5, pattern != 1 + bits)
        self.clicked += np.bincount(classes, minlength=self.n_classes)
        self.errors += np.bincount(classes, wrong, minlength=self.n_classes)

    def error_rate(self, which: int) -> tuple[float, float]:
        """Return the error rate of a class and its standard deviation."""
        return error_rate(float(self.errors[which]), int(self.clicked[which]))

    def gain(self, which: int, share: float) -> tuple[float, float]:
        """Return clicks per pulse of a class that comes with `share`, and deviation."""
        sent = share * self.sent
        clicked = int(self.clicked[which])
        return clicked / sent, math.sqrt(max(clicked, 1)) / sent


def run(
    bank: Bank, light: Light, transmission: float, contrast: float, n_pulses: int
) -> Tally:
    """Return what two detectors make of fresh pulses.

    transmission: of everything behind the sender, both ports together, efficiency in
                  it
    contrast:     of the ports, 1 - 2 e for an error rate e of the optics
    """
    signs = np.array([1.0, -1.0])
    analysers = np.zeros((2, 4))
    analysers[:, 0] = transmission
    analysers[:, 1] = transmission * contrast * signs
    state = DetectorState(bank)
    state.set_bias([_ON_UA, _ON_UA])
    tally = Tally(n_pulses, light.n_contexts // 2)
    for begin, end in stretches(n_pulses, _PULSES_AT_ONCE):
        clicks = simulate_pulses(state, light, analysers, begin, end)
        slot, pattern = patterns(slots(clicks, bank))
        here = slot >= 0
        tally.add(settings_of(light, slot[here]), pattern[here])
    return tally


def two_port_law(mean: float, error: float, noise: float) -> tuple[float, float]:
    """Return gain and error rate, exact for threshold detectors.

    mean:  detectable photons of a pulse; `error` of them go to the wrong port
    noise: mean of what else would click, each port
    """
    right = -math.expm1(-mean * (1.0 - error) - noise)
    wrong = -math.expm1(-mean * error - noise)
    gain = right + wrong - right * wrong
    return gain, (wrong - 0.5 * right * wrong) / gain
