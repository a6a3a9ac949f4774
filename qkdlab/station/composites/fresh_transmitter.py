"""Symbols to volts on a board that also has a generator of settings of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import FreshTransmitterFields
from qkdlab.roles import CounterModeTransmitter
from qkdlab.station.composites.transmitter import Transmitter, class_levels_v

__all__ = ["FreshTransmitter"]


@dataclass
class FreshTransmitter(Transmitter):
    """A `Transmitter` whose board plays patterns and makes settings, too.

    The volts of a setting are those that the same symbol has in a pattern, so levels
    measured with patterns hold. The board's first output drives the intensity
    modulator, the second the phase modulator, one sample a pulse: no skew is corrected
    between them.
    """

    def start_fresh(
        self,
        key: bytes,
        nonce: bytes,
        shares: Sequence[int],
        transmissions: Mapping[int, float],
        *,
        symbol_period_ps: int,
        marker_pulses: int,
    ) -> None:
        """Start the generator; see `qkdlab.roles.FreshTransmitter`."""
        board: CounterModeTransmitter = self.board
        settings = np.arange(2 * len(shares))
        levels_v = class_levels_v(transmissions, self.book.value("intensity_v_pi"))
        phases_v = self.state_levels_v()
        board.load_tables(shares, levels_v[settings >> 2 & 3], phases_v[settings & 3])
        board.load_key(key, nonce)
        board.start_counter(1e12 / symbol_period_ps, marker_pulses)

    def pulse_count(self) -> int:
        """Ask how many pulses of the present or last run were given a setting."""
        board: CounterModeTransmitter = self.board
        return board.pulse_count()

    @property
    def board(self) -> Any:
        """The board, in both of its roles."""
        return self.generator

    @classmethod
    def from_fields(
        cls,
        fields: FreshTransmitterFields,
        instruments: Mapping[str, Any],
        book: PartyBook,
    ) -> FreshTransmitter:
        """Build from the fields of a configuration's role."""
        return cls(instruments[fields.board], book)
