"""Which basis and bit a click stands for: by its detector, or by Bob's setting too."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.link.context import overwrite
from qkdlab.protocols.symbols import SymbolSource

__all__ = ["FOUR_ARMS", "ActiveArms", "Arms", "PassiveArms"]

FOUR_ARMS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""(basis, bit) of bit ``2 basis + bit`` of what `Arms.fired` returns."""


class Arms(Protocol):
    """Gives clicks their meaning."""

    def fired(
        self, pulse: NDArray[np.int64], mask: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return uint8[n], bit ``2 basis + bit`` set for each click. Secret.

        pulse: int64[n], of the block; mask: uint8[n], which channels clicked
        """
        ...

    def detectors(
        self, mask: NDArray[np.uint8], fired: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return uint8[n], bits by pairs of detectors that ought to count alike."""
        ...


class PassiveArms:
    """Every channel has a meaning of its own.

    channels: (basis, bit) of each
    """

    def __init__(self, channels: tuple[tuple[int, int], ...]) -> None:
        self._fired_of_mask = np.zeros(1 << len(channels), np.uint8)
        for mask in range(self._fired_of_mask.size):
            for channel, (basis, value) in enumerate(channels):
                if mask >> channel & 1:
                    self._fired_of_mask[mask] |= 1 << (2 * basis + value)

    def fired(
        self, pulse: NDArray[np.int64], mask: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return what the channels stand for."""
        return self._fired_of_mask[mask]

    def detectors(
        self, mask: NDArray[np.uint8], fired: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return `fired`: arms are detectors."""
        return fired


_ACTIVE = np.array(
    [
        [
            ((mask >> 1 | mask << 1) & 3 if setting & 1 else mask) << (setting & 2)
            for mask in range(4)
        ]
        for setting in range(4)
    ],
    np.uint8,
)
"""uint8[setting ``2 basis + swap``, mask of the two detectors]."""


class ActiveArms:
    """Bob's setting of the pulse says what his two detectors stand for.

    settings: by pulse of the block, packed with the swap as value
    """

    def __init__(self, settings: SymbolSource) -> None:
        self._settings = settings

    def fired(
        self, pulse: NDArray[np.int64], mask: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return basis and bit by the settings of the pulses."""
        settings = self._settings.settings(pulse)
        settings &= np.uint8(3)
        chosen: NDArray[np.uint8] = _ACTIVE[settings, mask]
        overwrite(settings)
        return chosen

    def detectors(
        self, mask: NDArray[np.uint8], fired: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return the two detectors: the swap would hide one that falls silent."""
        return mask
