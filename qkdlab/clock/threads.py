"""What the clocks share: how the threads of a run end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

__all__ = ["PATIENCE_S", "Stop", "join"]

PATIENCE_S = 10.0
"""How long an interrupted run waits for its threads to unwind."""


class Stop(BaseException):
    """Unwinds the threads of a run that ends early; never leaves this package."""


def join(
    thread: threading.Thread,
    *,
    poll: Callable[[], None] | None = None,
    patience_s: float = math.inf,
) -> None:
    """Wait for `thread` in short steps, calling `poll` after each."""
    end_s = time.monotonic() + patience_s
    while thread.is_alive() and time.monotonic() < end_s:
        thread.join(0.1)
        if poll is not None:
            poll()
