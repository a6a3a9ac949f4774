"""When the laser's pulses come, and how strongly they are driven: clock and former."""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab.wiring.parts import PulseFormer
from qkdlab_sims.bench.ports import ClockPort

__all__ = ["PulseDrive", "PulseTrain"]

NEAR = 2e-3
"""Relative to the nominal frequency."""


@dataclass(frozen=True)
class PulseDrive:
    """What reaches the laser.

    delay_ps: pulse k comes so long after its slot opens, at least 0 and less than one
              period
    strength: amplitude of the current pulses over the nominal one; 0 without pulses
    """

    delay_ps: int
    strength: float


class PulseTrain:
    """A clock's sine through a pulse former.

    delay_ps:  from the clock's edge to the pulse of light, at phase 0
    power_dbm: the clock's level at which the pulses have their nominal amplitude

    A greater phase makes pulses come earlier: 360 degrees are one period. At a
    frequency a little off, pulses slide from tick to tick, and stay where they have
    come to when it is put right. A frequency far off has nothing to slide against: the
    next one near enough begins at the phase that is set [guess].
    """

    def __init__(
        self,
        clock: ClockPort,
        former: PulseFormer | None,
        period_ps: int,
        delay_ps: int,
        power_dbm: float,
    ) -> None:
        self._clock = clock
        self._former = former
        self._period_ps = period_ps
        self._delay_ps = delay_ps
        self._power_dbm = power_dbm
        self._slid_ps = 0.0
        self._detuning = 0.0
        self._read_ps = 0
        self._has_changed = True
        self._last = PulseDrive(0, 0.0)
        clock.on_change = self._note

    def read(self, t_ps: int) -> PulseDrive:
        """Return what holds from `t_ps` on; times never go back."""
        if self._has_changed or self._detuning:
            is_near = abs(self._detuning) <= NEAR
            slid_ps = self._slid_ps + self._detuning * (t_ps - self._read_ps)
            self._slid_ps = slid_ps if is_near else 0.0
            found = self._look()
            if found != self._last:
                self._last = found
        self._read_ps = t_ps
        return self._last

    def slides(self) -> bool:
        """Return whether pulses move, or may have been moved just now."""
        return self._has_changed or 0.0 < abs(self._detuning) <= NEAR

    def phase_deg(self, delay_ps: float) -> float:
        """Return the clock's phase at which pulses come so long after slots open."""
        late_ps = self._delay_ps - self._slid_ps - delay_ps
        return late_ps / self._period_ps * 360.0 % 360.0

    def _note(self, now_ps: int) -> None:
        del now_ps
        self._has_changed = True

    def _look(self) -> PulseDrive:
        self._has_changed = False
        period_ps = self._period_ps
        frequency_hz = self._clock.frequency_hz()
        self._detuning = frequency_hz * period_ps * 1e-12 - 1.0
        early_ps = self._clock.phase_deg() / 360.0 * period_ps + self._slid_ps
        delay_ps = round(self._delay_ps - early_ps) % period_ps
        return PulseDrive(delay_ps, self._strength(frequency_hz))

    def _strength(self, frequency_hz: float) -> float:
        """Return the amplitude of the pulses over the nominal one."""
        power_dbm = self._clock.power_dbm()
        if not self._clock.output_on():
            return 0.0
        if self._former is not None:
            offset = abs(frequency_hz / self._former.centre_hz - 1.0)
            is_in_band = offset <= self._former.bandwidth_rel / 2.0
            if not is_in_band or power_dbm < self._former.min_input_dbm:
                return 0.0
        strength: float = 10.0 ** ((power_dbm - self._power_dbm) / 20.0)
        return strength
