"""Settings of a receiver to volts: a phase modulator on an output of a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import BasisModulatorFields

__all__ = ["BasisModulator"]

_CHANNEL = 2
_PHASE_STEPS = (0.0, 1.0, 1.5, 0.5)
"""By ``2 basis + swap``, in units of V_pi: 0 and pi in X, 3 pi/2 and pi/2 in Z. The
phase adds to the sender's 0 and pi, pi/2 and 3 pi/2: light whose sum is a multiple of
2 pi leaves at the splitter's first output."""
_POINTS = 1 << 16
"""Of a constant level. The board marks each period: a short one would flood the tagger
with marks."""


@dataclass
class BasisModulator:
    """A phase modulator whose axes are the sender's, before a splitter at 45 degrees.

    Volts are at the board's output into 50 Ohm; the record ``basis_v_pi`` refers to the
    same place, so it holds the amplifier's gain.
    """

    board: Any
    book: PartyBook

    def hold_v(self, volts: float, symbol_period_ps: int) -> None:
        """Play a constant voltage."""
        self._play(np.full(_POINTS, volts), symbol_period_ps)

    def hold(self, setting: int, symbol_period_ps: int) -> None:
        """Play one setting."""
        self.hold_v(float(self._levels_v()[setting]), symbol_period_ps)

    def play(self, settings: NDArray[np.uint8], symbol_period_ps: int) -> None:
        """Play public settings round and round."""
        self._play(self._levels_v()[settings], symbol_period_ps)

    def start_fresh(
        self,
        key: bytes,
        nonce: bytes,
        shares: Sequence[int],
        *,
        symbol_period_ps: int,
        marker_pulses: int,
    ) -> None:
        """Start the generator; see `qkdlab.roles.BasisModulator`."""
        levels_v = self._levels_v()
        self.board.load_tables(shares, np.zeros(levels_v.size), levels_v)
        self.board.load_key(key, nonce)
        self.board.start_counter(1e12 / symbol_period_ps, marker_pulses)

    def pulse_count(self) -> int:
        """Ask how many pulses of the present or last run were given a setting."""
        return int(self.board.pulse_count())

    def stop(self) -> None:
        """End the run; the output goes to 0 V."""
        self.board.stop()

    def safe_state(self) -> None:
        """Switch the drive off and erase the key."""
        self.board.safe_state()

    def _levels_v(self) -> NDArray[np.float64]:
        return self.book.value("basis_v_pi") * np.array(_PHASE_STEPS)

    def _play(self, volts: NDArray[np.float64], symbol_period_ps: int) -> None:
        self.board.load_waveforms({_CHANNEL: volts}, 1e12 / symbol_period_ps)
        self.board.start()

    @classmethod
    def from_config(
        cls,
        fields: BasisModulatorFields,
        instruments: Mapping[str, Any],
        book: PartyBook,
    ) -> BasisModulator:
        """Build from the fields of a configuration's role."""
        return cls(instruments[fields.board], book)
