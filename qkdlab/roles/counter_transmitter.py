"""A transmitter whose settings come fresh, pulse by pulse, from a generator in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CounterModeTransmitter", "CounterTransmitterCapabilities"]


@dataclass(frozen=True, slots=True)
class CounterTransmitterCapabilities:
    """Limits of a counter-mode transmitter.

    max_rate_hz:     of pulses
    key_bytes:       of the generator
    dac_bits:        of the converters
    max_amplitude_v: greatest absolute voltage into 50 Ohm
    """

    max_rate_hz: float
    key_bytes: int
    dac_bits: int
    max_amplitude_v: float


class CounterModeTransmitter(Protocol):
    """AES-128 in counter mode chooses the setting of every pulse.

    The layout is that of `qkdlab.protocols.symbols.CounterPattern`: 16 bits a pulse
    choose a class by the shares and a value; the setting ``2 class + value`` chooses
    the volts of both modulators. Pulse 0 comes with the first edge of the marker
    output, and an edge with every `marker_pulses`-th pulse after it. A key serves one
    run: it is erased when that ends. Nobody can read it back.
    """

    def counter_capabilities(self) -> CounterTransmitterCapabilities:
        """Return the limits."""
        ...

    def load_tables(
        self,
        shares: Sequence[int],
        intensity_v: NDArray[np.float64],
        polarization_v: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Load how often classes come and what settings stand for, outputs off.

        shares: of 32768, one per class; intensity_v, polarization_v: volts by setting,
        two per class. Returns the volts that the converters will give. Raises
        InstrumentError when a limit is broken, before anything is sent, and when the
        board holds something else afterwards.
        """
        ...

    def load_key(self, key: bytes, nonce: bytes) -> None:
        """Load key and nonce (8 bytes); no record of the traffic shows them.

        Raises InstrumentError when a length is wrong or the board refuses it.
        """
        ...

    def start_counter(self, rate_hz: float, marker_pulses: int) -> None:
        """Start the generator at `rate_hz` pulses a second, outputs on.

        Raises InstrumentError without tables or key, or without lock to the reference.
        """
        ...

    def pulse_count(self) -> int:
        """Ask how many pulses of the present or last run have been given a setting."""
        ...

    def reference_locked(self) -> bool:
        """Ask whether the board is locked to its reference."""
        ...

    def stop(self) -> None:
        """End the run, switch the outputs off, and have the key erased."""
        ...

    def safe_state(self) -> None:
        """Switch the outputs off and erase the key."""
        ...
