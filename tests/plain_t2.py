"""T2 records, encoded and decoded in the plainest way."""

from __future__ import annotations

WRAP = 1 << 25


def record(special, channel, time):
    """Return one 32-bit record."""
    assert 0 <= channel < 64
    assert 0 <= time < WRAP
    return special << 31 | channel << 25 | time


def encode_plainly(events, limit):
    """Return records of (bin, stream) with references in stream 0."""
    base, out = 0, []
    for time, stream in [*sorted(events), (limit, None)]:
        n = (time - base) // WRAP
        if n > 0:
            out.append(record(1, 63, n))
            base += n * WRAP
        if stream is not None:
            channel = max(0, stream - 1)
            out.append(record(int(stream == 0), channel, time - base))
    return out


def decode_plainly(records, bin_ps, period_ps):
    """Return times and channels, in the order of the records."""
    base, last, number = 0, 0, -1
    times, channels = [], []
    for one in records:
        special, channel, time = one >> 31, one >> 25 & 63, one & (WRAP - 1)
        if special and channel == 63:
            base += max(1, time) * WRAP
        elif special and channel == 0:
            last, number = base + time, number + 1
        elif not special and (number >= 0 or not period_ps):
            since = base + time - (last if period_ps else 0)
            times.append(max(number, 0) * period_ps + since * bin_ps)
            channels.append(channel)
    return times, channels
