"""What bright light makes of a nanowire."""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab_sims.optics.bright import Answer, Mode
from qkdlab_sims.optics.ranges import in_range

__all__ = ["BrightWire"]


@dataclass(frozen=True, slots=True)
class BrightWire:
    """Thresholds of a nanowire under bright light (Lydersen arXiv 1106.2396 [abs]).

    That a latched wire answers to bright pulses was shown; the numbers here are not
    from there [guess].

    latching_w: power at the wire that turns it normal until its bias is taken away
    trigger_j:  energy of a pulse that a latched wire's readout takes for a click
    trigger_rms: relative noise of that threshold

    Raises ValueError outside physics.
    """

    latching_w: float = 1e-7
    trigger_j: float = 1e-15
    trigger_rms: float = 0.05

    def __post_init__(self) -> None:
        in_range("latching_w", self.latching_w, 1e-18, 1.0, "W")
        in_range("trigger_j", self.trigger_j, 1e-21, 1e-3, "J")
        in_range("trigger_rms", self.trigger_rms, 0.0, 1.0, "1")

    def answer(self, power_w: float, *, latched: bool) -> Answer:
        """Return what the biased wire answers to under `power_w`."""
        if not latched and power_w < self.latching_w:
            return Answer()
        spread_j = self.trigger_j * self.trigger_rms
        return Answer(Mode.LATCHED, self.trigger_j, spread_j)
