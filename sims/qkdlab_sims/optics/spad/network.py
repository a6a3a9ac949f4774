"""The bias network of a diode, and what bright light makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab_sims.optics.bright import Answer, Mode
from qkdlab_sims.optics.ranges import in_range

__all__ = ["Network"]


@dataclass(frozen=True, slots=True)
class Network:
    """Series resistance, gain and comparator of a diode.

    Lydersen 2010 blinded one commercial pair of receivers with 0.4 and 0.8 mW, another
    with 60 and 85 uW a detector (standards-attacks-ux.md section 2 [M]); with the
    defaults and 2.5 V of excess bias it takes 0.4 mW.

    series_ohm:    between bias supply and diode; the photocurrent's drop over it blinds
                   (1 kOhm [mem], 500 kOhm at a receiver of the reference [V])
    responsivity_a_per_w: at unit gain [mem]
    blinding_gain: gain just below breakdown with which the current pulls [guess]
    miller_power:  n of the gain 1/(1 - (V/V_br)^n) below breakdown (Miller [mem])
    comparator_c:  charge of a pulse that the comparator takes for a click [guess]
    comparator_rms: its relative noise [guess]

    Raises ValueError outside physics.
    """

    series_ohm: float = 1_000.0
    responsivity_a_per_w: float = 0.95
    blinding_gain: float = 6.6
    miller_power: float = 3.0
    comparator_c: float = 1e-13
    comparator_rms: float = 0.03

    def __post_init__(self) -> None:
        in_range("series_ohm", self.series_ohm, 1.0, 1e8, "Ohm")
        in_range("responsivity_a_per_w", self.responsivity_a_per_w, 1e-3, 2.0, "A/W")
        in_range("blinding_gain", self.blinding_gain, 1.0, 1e3, "1")
        in_range("miller_power", self.miller_power, 0.5, 10.0, "1")
        in_range("comparator_c", self.comparator_c, 1e-18, 1e-9, "C")
        in_range("comparator_rms", self.comparator_rms, 0.0, 1.0, "1")

    def blinding_power_w(self, excess_v: float) -> float:
        """Return the power above which the diode counts no photons."""
        gain = self.responsivity_a_per_w * self.blinding_gain
        return excess_v / (self.series_ohm * gain)

    def gain(self, voltage_v: float, breakdown_v: float) -> float:
        """Return the linear gain below breakdown, at least 1."""
        ratio = min(max(voltage_v / breakdown_v, 0.0), 1.0 - 1e-9)
        return float(1.0 / (1.0 - ratio**self.miller_power))

    def linear_voltage_v(
        self, power_w: float, bias_v: float, breakdown_v: float
    ) -> float:
        """Return the voltage left on the diode: V = V_bias - R I(V), within 1 nV."""
        low, high = 0.0, breakdown_v
        while high - low > 1e-9:
            middle = 0.5 * (low + high)
            current = self.responsivity_a_per_w * power_w
            current *= self.gain(middle, breakdown_v)
            if bias_v - self.series_ohm * current > middle:
                low = middle
            else:
                high = middle
        return low

    def answer(self, power_w: float, excess_v: float, breakdown_v: float) -> Answer:
        """Return what the diode answers to under `power_w`."""
        if power_w < self.blinding_power_w(excess_v):
            return Answer()
        voltage_v = self.linear_voltage_v(power_w, breakdown_v + excess_v, breakdown_v)
        gain = self.gain(voltage_v, breakdown_v)
        trigger_j = self.comparator_c / (self.responsivity_a_per_w * gain)
        return Answer(
            Mode.LINEAR,
            trigger_j,
            trigger_j * self.comparator_rms,
            self.responsivity_a_per_w * power_w * gain,
        )
