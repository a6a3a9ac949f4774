"""Clocks: the only places where a party may block.

`VirtualClock` is for runs in one process: party threads hand a baton to each other, so
exactly one runs at a time, and when all are blocked time jumps to the next event.
`RealClock` is host time. Both measure integer picoseconds from the clock's origin.

The idea of a clock that jumps when everybody waits is trio's `MockClock`
(``autojump_threshold``); here it is the only clock, so a run is deterministic.
"""

from qkdlab.clock.base import PS_PER_S, BenchClock, Clock, World, seconds
from qkdlab.clock.real import RealClock
from qkdlab.clock.virtual import VirtualClock

__all__ = [
    "PS_PER_S",
    "BenchClock",
    "Clock",
    "RealClock",
    "VirtualClock",
    "World",
    "seconds",
]
