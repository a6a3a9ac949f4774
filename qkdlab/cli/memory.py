"""The greatest memory that this process has had."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak_memory_mb"]

_STATUS = Path("/proc/self/status")


def peak_memory_mb() -> float:
    """Return the greatest resident memory of this process so far, in MiB.

    On Linux it is `VmHWM`: `ru_maxrss` begins with that of the process which started
    this one, however small this one is. Elsewhere it is `ru_maxrss`.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text("ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == "VmHWM":
                return int(rest.split()[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024.0 * 1024.0 if sys.platform == "darwin" else 1024.0)
