"""The volatile waveform memory of one channel.

Errors 78x: the texts of 785 and 786 are in the user's guide [doc], their numbers and
the other entries are [mem].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.scpi import Argument, Block, ScpiError, text

__all__ = ["BUILT_IN", "FULL_SCALE", "ArbMemory", "read_codes"]

FULL_SCALE = 32767
BUILT_IN = "INT:\\BUILTIN\\EXP_RISE.ARB"
MAX_NAME = 12


def _exponential_rise() -> NDArray[np.int16]:
    x = 1.0 - np.exp(-np.arange(100) / 20.0)
    codes: NDArray[np.int16] = np.round(FULL_SCALE * x / x[-1]).astype(np.int16)
    return codes


class ArbMemory:
    """Named waveforms as converter codes; the built-in one cannot be removed."""

    def __init__(self, n_points: int, min_points: int) -> None:
        self._n_points = n_points
        self._min_points = min_points
        self._waveforms: dict[str, NDArray[np.int16]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget all but the built-in waveform."""
        self._waveforms = {BUILT_IN: _exponential_rise()}

    def names(self) -> list[str]:
        """Return the names of all waveforms."""
        return list(self._waveforms)

    def free(self) -> int:
        """Return how many points still fit."""
        used = sum(len(codes) for codes in self._waveforms.values())
        return self._n_points + len(self._waveforms[BUILT_IN]) - used

    def get(self, name: str) -> NDArray[np.int16]:
        """Return a waveform; raises ScpiError 785 when there is none."""
        codes = self._waveforms.get(name.upper())
        if codes is None:
            raise ScpiError(785, "Specified arb waveform does not exist")
        return codes

    def store(self, name: str, codes: NDArray[np.int16]) -> None:
        """Add a waveform; raises ScpiError when name or length are not allowed."""
        name = name.upper()
        if not name or len(name) > MAX_NAME or not name.replace("_", "").isalnum():
            raise ScpiError(783, "Illegal arb waveform name")
        if name in self._waveforms:
            raise ScpiError(786, "Specified arb waveform already exists")
        if len(codes) < self._min_points:
            raise ScpiError(-222, "Data out of range; too few arb points")
        if len(codes) > self.free():
            raise ScpiError(
                781, "Not enough memory to store new arb waveform; use DATA:VOL:CLEAR"
            )
        self._waveforms[name] = codes


def read_codes(
    arguments: tuple[Argument, ...], *, as_dac: bool, big_endian: bool
) -> tuple[str, NDArray[np.int16]]:
    """Return name and converter codes of ``DATA:ARB`` and ``DATA:ARB:DAC``.

    Values are a block (int16, or float32 from -1 to 1) or a list of numbers.
    """
    if len(arguments) < 2:
        raise ScpiError(-109)
    name, first = text(arguments[0]), arguments[1]
    values: NDArray[np.float64]
    if isinstance(first, Block):
        if len(arguments) > 2:
            raise ScpiError(-108)
        item = np.dtype((">" if big_endian else "<") + ("i2" if as_dac else "f4"))
        if len(first.data) % item.itemsize:
            raise ScpiError(800, "Block length must be even")
        values = np.frombuffer(first.data, item).astype(np.float64)
    else:
        try:
            values = np.array([float(str(a)) for a in arguments[1:]])
        except ValueError:
            raise ScpiError(-120) from None
    scale = 1 if as_dac else FULL_SCALE
    # `not <=` also refuses NaN.
    if not np.all(np.abs(values * scale) <= FULL_SCALE):
        raise ScpiError(-222)
    return name, np.round(values * scale).astype(np.int16)
