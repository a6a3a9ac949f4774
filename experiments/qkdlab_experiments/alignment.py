"""One gate for all detectors: calibrated delays align it, light is held to them.

Delays between detectors are fibres and cables. They are measured once, on a bright
public pattern (calibration step `delays`), and those records are the truth. A sync fit
before a block finds what is new with every acquisition, common to all detectors; what
it sees of each detector alone must agree with the records. A detector whose light
comes at another time than calibrated sits at the edge of the common gate, where its
efficiency differs from the others' (SECURITY rule 4; time-shift attacks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.sync import SyncFit

__all__ = ["with_calibrated_delays"]


def with_calibrated_delays(
    fit: SyncFit, delays_ps: Sequence[float], most_ps: float
) -> SyncFit:
    """Return the fit with one common offset and the calibrated delays.

    delays_ps: per channel, against channel 0
    most_ps:   by which a channel of the fit may depart from them

    Raises SecurityAbort(SYNC_LOST) when one departs by more.
    """
    own_ps = np.asarray(fit.offset_ps) - np.asarray(delays_ps)
    # the median does not follow one detector that moved
    common_ps = float(np.median(own_ps))
    off_ps = own_ps - common_ps
    worst = int(np.argmax(np.abs(off_ps)))
    if not abs(off_ps[worst]) <= most_ps:
        raise SecurityAbort(
            AbortCode.SYNC_LOST,
            "a detector's light comes at another time than calibrated; run the step "
            "'delays'",
            {"channel": worst, "off_ps": float(off_ps[worst]), "limit_ps": most_ps},
        )
    offsets = tuple(round(common_ps + delay) for delay in delays_ps)
    return replace(fit, offset_ps=offsets)
