"""Whether, and how often, a DG645 starts a cycle."""

from __future__ import annotations

import math

from qkdlab_sims.instruments.srs_dg645.settings import Settings

__all__ = [
    "RECOVERY_PS",
    "SINGLE_EXTERNAL",
    "SINGLE_SHOT",
    "SOURCES",
    "InstrumentStatus",
    "events",
    "rate_hz",
    "triggers",
]

SOURCES = (
    "internal",
    "external rising",
    "external falling",
    "single external rising",
    "single external falling",
    "single shot",
    "line",
)
"""By the number of ``TSRC`` [seen]."""
EXTERNAL = frozenset({1, 2, 3, 4})
SINGLE_EXTERNAL = frozenset({3, 4})
SINGLE_SHOT = 5
LINE_HZ = 50.0
RECOVERY_PS = 100_000
"""From the last edge of a cycle to the next trigger: rates up to 10 MHz [mem]."""


class InstrumentStatus:
    """Bits of ``INSR?`` [seen, names in the maker's Python package]."""

    TRIGGERED = 1
    RATE = 2
    END_OF_DELAY = 4
    END_OF_BURST = 8
    INHIBITED = 16
    ABORTED = 32
    TIMEBASE_UNLOCKED = 64


def rate_hz(settings: Settings, external_hz: float) -> float:
    """Return how often the chosen source triggers."""
    source = int(settings.get("TSRC"))
    if source == 0:
        return settings.get("TRAT")
    if source in EXTERNAL:
        return external_hz
    return LINE_HZ if SOURCES[source] == "line" else 0.0


def triggers(rate: float, from_ps: int, to_ps: int) -> int:
    """Return how many triggers of a steady rate fall between two times."""
    return math.floor(rate * to_ps * 1e-12) - math.floor(rate * from_ps * 1e-12)


def events(settings: Settings, rate: float, last_edge_ps: int) -> int:
    """Return the bits of ``INSR?`` that triggers at `rate` leave behind."""
    bits = InstrumentStatus.TRIGGERED | InstrumentStatus.END_OF_DELAY
    if settings.get("BURM"):
        bits |= InstrumentStatus.END_OF_BURST
    busy_ps = max(last_edge_ps + RECOVERY_PS, round(settings.get("HOLD") * 1e12))
    if rate * busy_ps * 1e-12 > 1.0 + 1e-9:
        bits |= InstrumentStatus.RATE
    return bits
