"""A transmitter whose settings come fresh, pulse by pulse, from a generator in it."""

from __future__ import annotations

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

    Pulse i takes byte ``i mod 16`` of the encryption of block ``i // 16`` (a big-endian
    number of 16 bytes, counted from 0 at each start); the byte chooses one of 256
    settings, and the setting the volts of both modulators. Pulse 0 comes with the first
    edge of the marker output, and an edge with every `marker_pulses`-th pulse after it.
    A key serves one run: it is erased when that ends. Nobody can read it back.
    """

    def counter_capabilities(self) -> CounterTransmitterCapabilities:
        """Return the limits."""
        ...

    def load_tables(
        self,
        symbols: NDArray[np.uint8],
        intensity_v: NDArray[np.float64],
        polarization_v: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Load what a drawn byte and a setting stand for, outputs off.

        symbols: uint8[256], setting by byte; intensity_v, polarization_v: float64[256],
        volts by setting. Returns the volts that the converters will give. Raises
        InstrumentError when a limit is broken, before anything is sent, and when the
        board holds something else afterwards.
        """
        ...

    def load_key(self, key: bytes) -> None:
        """Load the generator's key; no record of the traffic shows it.

        Raises InstrumentError when its length is wrong or the board refuses it.
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
