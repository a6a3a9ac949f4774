"""Parameters of BB84 with settings that never repeat."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from qkdlab_experiments.parameters import Bb84Parameters, Pattern

__all__ = ["FreshBb84Parameters"]

_LEAST, _MOST = 1 << 15, 1 << 20


class FreshBb84Parameters(Bb84Parameters):
    """Decoy-state BB84 with a transmitter that makes every setting anew.

    A frame of the pattern is the pulses between two references, and one period of
    public patterns.
    """

    symbol_period_ps: int = Field(default=1000, gt=0, le=10**10)
    pattern: Pattern = Pattern(symbols=1 << 16, samples_per_symbol=1)

    @property
    def settings_repeat(self) -> bool:
        """Every pulse has a setting of its own."""
        return False

    @property
    def settings_from_generator(self) -> bool:
        """The board makes them from a key."""
        return True

    @property
    def pulses_keep_place(self) -> bool:
        """The board's samples follow the pulse clock."""
        return True

    @model_validator(mode="after")
    def _check_frame(self) -> Self:
        symbols = self.pattern.symbols
        if symbols & (symbols - 1) or not _LEAST <= symbols <= _MOST:
            raise ValueError(
                f"pattern.symbols {symbols} is no power of two from {_LEAST} to {_MOST}"
            )
        if self.pattern.samples_per_symbol != 1:
            raise ValueError("pattern.samples_per_symbol: the board has one a pulse")
        return self
