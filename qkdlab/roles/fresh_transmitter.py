"""A transmitter of symbols that can also give every pulse a setting of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from qkdlab.roles.transmitter import Transmitter

__all__ = ["FreshTransmitter"]


class FreshTransmitter(Transmitter, Protocol):
    """Public patterns as `Transmitter`; for key, settings from a generator."""

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
        """Start the generator; layout of settings and shares as `CounterPattern`.

        key, nonce:    16 and 8 secret bytes, used for this run only
        shares:        of the classes ``basis + 2 intensity`` in 32768
        transmissions: by intensity class, relative to the greatest
        marker_pulses: a reference comes with pulse 0 and every so many pulses

        Raises InstrumentError when an instrument refuses.
        """
        ...

    def pulse_count(self) -> int:
        """Ask how many pulses of the present or last run were given a setting."""
        ...
