"""A receiver of two detectors, whose basis a modulator before them has chosen."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.roles.receiver import Receiver

__all__ = ["ActiveReceiver"]


class ActiveReceiver(Receiver, Protocol):
    """A `Receiver` whose channels are the two detectors, as in X without swap.

    The tagger also sees the marks of the modulator's board: they are no clicks.
    """

    def marks_ps(self) -> NDArray[np.int64]:
        """Return the marks read since the start of the acquisition, as tag times."""
        ...
