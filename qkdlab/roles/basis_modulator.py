"""A receiver's modulator that chooses what his splitter measures, pulse by pulse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BasisModulator"]


class BasisModulator(Protocol):
    """Plays settings ``2 basis + swap``: X 0, Z 1; swap exchanges the detectors.

    The bit of a click is the number of the detector, exchanged by the swap.
    """

    def hold_v(self, volts: float, symbol_period_ps: int) -> None:
        """Play a constant voltage: a sweep, for which no record is needed."""
        ...

    def hold(self, setting: int, symbol_period_ps: int) -> None:
        """Play one setting. Raises InstrumentError when the board refuses."""
        ...

    def play(self, settings: NDArray[np.uint8], symbol_period_ps: int) -> None:
        """Play uint8[n] public settings round and round, a mark with the first."""
        ...

    def start_fresh(
        self,
        key: bytes,
        nonce: bytes,
        shares: Sequence[int],
        *,
        symbol_period_ps: int,
        marker_pulses: int,
    ) -> None:
        """Start the generator; layout of settings and shares as `CounterPattern`.

        key, nonce:    16 and 8 secret bytes, used for this run only
        shares:        of the bases X and Z in 32768
        marker_pulses: a mark comes with pulse 0 and every so many pulses

        Raises InstrumentError when the board refuses.
        """
        ...

    def pulse_count(self) -> int:
        """Ask how many pulses of the present or last run were given a setting."""
        ...

    def stop(self) -> None:
        """End the run, key erased; the modulator rests at 0 V, which is setting 0."""
        ...

    def safe_state(self) -> None:
        """Switch the drive off and erase the key."""
        ...
