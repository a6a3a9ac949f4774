"""What a time tagger is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from qkdlab_sims.optics.ranges import in_range

__all__ = ["Channel", "TaggerParameters", "TimeBase"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One input (figures of instruments: detectors-taggers.md sections 5 and 6).

    jitter_rms_ps: of each edge, Gaussian
    dead_time_ps:  after a tag no other is made on this channel; edges in it are lost
                   without a trace, as in hardware
    skew_ps:       by which its tags are late against the other channels
    crosstalk:     chance that an edge makes a false one on each other channel [mem]

    Raises ValueError outside physics.
    """

    jitter_rms_ps: float = 0.0
    dead_time_ps: int = 0
    skew_ps: int = 0
    crosstalk: float = 0.0

    def __post_init__(self) -> None:
        in_range("jitter_rms_ps", self.jitter_rms_ps, 0.0, 1e5, "ps")
        in_range("dead_time_ps", self.dead_time_ps, 0, 10**10, "ps")
        in_range("skew_ps", self.skew_ps, -(10**9), 10**9, "ps")
        in_range("crosstalk", self.crosstalk, 0.0, 1.0, "1")


@dataclass(frozen=True, slots=True)
class TimeBase:
    """The oscillator by which tags are stamped.

    offset_ppm:   by which it runs fast when it is free
    walk_ppm_per_sqrt_s: width of the random walk of its frequency in one second
                  (random-walk frequency noise; sizes [mem])
    lock_hz:      bandwidth of the loop that holds it to a reference, critically damped
                  and of second order; 0: free. Times are then those of the reference

    Raises ValueError outside physics.
    """

    offset_ppm: float = 0.0
    walk_ppm_per_sqrt_s: float = 0.0
    lock_hz: float = 0.0

    def __post_init__(self) -> None:
        in_range("offset_ppm", self.offset_ppm, -1e3, 1e3, "ppm")
        in_range("walk_ppm_per_sqrt_s", self.walk_ppm_per_sqrt_s, 0.0, 100.0, "ppm")
        in_range("lock_hz", self.lock_hz, 0.0, 10.0, "Hz")


@dataclass(frozen=True, slots=True)
class TaggerParameters:
    """A tagger with all its channels.

    bin_ps:        tags are whole multiples of it, rounded down
    buffer_tags:   that wait to be read out; more are missed, and said to be
    readout_hz:    tags a second that leave the buffer; infinite for an ideal one
    crosstalk_ps:  from an edge to the false ones that it makes on other channels

    Raises ValueError outside physics.
    """

    channels: tuple[Channel, ...]
    bin_ps: int = 1
    buffer_tags: int = 1 << 20
    readout_hz: float = math.inf
    crosstalk_ps: int = 500
    time_base: TimeBase = field(default_factory=TimeBase)

    def __post_init__(self) -> None:
        in_range("len(channels)", len(self.channels), 1, 64, "1")
        in_range("bin_ps", self.bin_ps, 1, 10**6, "ps")
        in_range("buffer_tags", self.buffer_tags, 1, 2**31, "1")
        if math.isfinite(self.readout_hz):
            in_range("readout_hz", self.readout_hz, 1.0, 1e12, "Hz")
        in_range("crosstalk_ps", self.crosstalk_ps, 0, 10**6, "ps")
