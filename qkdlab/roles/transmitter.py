"""What turns a sender's symbols into light; the station builds it from instruments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Transmitter"]


class Transmitter(Protocol):
    """Plays one period of symbols again and again."""

    def upload(
        self,
        settings: NDArray[np.uint8],
        transmissions: Mapping[int, float],
        *,
        samples_per_symbol: int,
        symbol_period_ps: int,
        intensity_v: NDArray[np.float64] | None = None,
        intensity_span_v: float | None = None,
        polarization_v: NDArray[np.float64] | None = None,
    ) -> None:
        """Load one period of symbols; the outputs stay off.

        settings:       uint8[n], packed as `qkdlab.protocols.symbols`
        transmissions:  by intensity class, relative to the greatest
        intensity_v:    float64[n], volts in place of those of the classes
        intensity_span_v: greatest voltage for which the output is set up
        polarization_v: float64[n], volts in place of those of the states

        Raises InstrumentError when an instrument refuses.
        """
        ...

    def start(self) -> None:
        """Play."""
        ...

    def stop(self) -> None:
        """Let as little light pass as the modulators can."""
        ...

    def safe_state(self) -> None:
        """Switch all drive off."""
        ...
