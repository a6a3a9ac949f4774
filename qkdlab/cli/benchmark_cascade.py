"""Figures of Cascade between two processes, beside the textbook's in plain Python.

Each party makes its string from the same public dice; only parities pass between them,
as messages, over loopback TCP. CPU time is that of the whole process of the slower
party, from the first message to the last.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qkdlab.cli.figure import Figure
from qkdlab.cli.memory import peak_memory_mb
from qkdlab.cli.two_processes import run_two

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qkdlab.bits.array import BitArray
    from qkdlab.distill.cascade import Pace
    from qkdlab.link.channel import Channel

__all__ = ["RATES", "STRINGS", "CascadeJob", "cascade", "measure"]

RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1)
"""Probabilities of an error for which methods are measured."""
STRINGS = 20
"""Of `_BITS` bits each, so that 10 000 frames of Cascade are seen."""
_FRAME_BITS = 65536
_BITS = 1 << 25
_LONG_BITS = 1 << 28
_DELAY_S = 0.01
_BASELINE_BITS = 16384
_SILENCE_S = 600.0


@dataclass(frozen=True)
class CascadeJob:
    """What both parties of a measurement are given.

    qber:    probability of an error
    n_bits:  of each string
    pace:    of the schedule
    strings: one after the other
    """

    qber: float
    n_bits: int = _BITS
    pace: Pace = "near"
    strings: int = 1


def cascade() -> list[Figure]:
    """Measure Cascade at 0.5 to 10 %, and on a line with 10 ms delay each way."""
    from qkdlab.cli.textbook_cascade import textbook_cascade

    figures = []
    for qber in RATES:
        plain = textbook_cascade(qber, _BASELINE_BITS)
        found = measure(CascadeJob(qber, strings=STRINGS))
        figures.append(_figure(f"cascade_{100 * qber:g}pct", found, plain))
    plain = textbook_cascade(0.02, _BASELINE_BITS)
    long = CascadeJob(0.02, _LONG_BITS, "far")
    for name, delay_s in (("far", 0.0), ("delay_10ms", _DELAY_S)):
        found = measure(long, delay_s=delay_s)
        if delay_s:
            found["lost_by_delay"] = lost_by_delay(long, delay_s)
        figures.append(_figure(f"cascade_2pct_{name}", found, plain))
    return figures


def lost_by_delay(job: CascadeJob, delay_s: float) -> float:
    """Return the share of the throughput that a delay each way costs on free cores."""
    from qkdlab.cli.virtual_line import converse

    start, errors = dice(job.n_bits, job.qber, 1)
    told = converse(
        start, start ^ errors, frame_bits=_FRAME_BITS, qber=job.qber, pace=job.pace
    )
    return 1 - told.lasts_s(0.0) / told.lasts_s(delay_s)


def _figure(name: str, found: dict[str, Any], plain: dict[str, Any]) -> Figure:
    what = f"textbook Cascade in plain Python, f {plain['f_one_way']:.3f}"
    value, unit = found["mbps_cpu"], "Mb/s"
    return Figure("distill", name, value, unit, what, plain["mbps"], found)


def measure(job: CascadeJob, *, delay_s: float = 0.0) -> dict[str, Any]:
    """Return the figures of strings reconciled by two processes.

    mbps_cpu:  input bits per CPU second of the slower party
    mbps_wall: input bits per second of wall time
    f_one_way, f_two_way: Alice's parities, and all of both, over n h(e) of the errors
               that there were
    frame_error_rate: [low, high] of 95 % (Clopper-Pearson)
    """
    from qkdlab.security.asymptotic import binary_entropy

    alice, bob = run_two(play, job, delay_s=delay_s)
    frames, wrong = alice["frames"], bob["wrong_frames"]
    n_bits = job.n_bits * job.strings
    ideal = n_bits * binary_entropy(bob["errors"] / n_bits)
    leak = alice["sent_bits"] + bob["sent_bits"]
    return {
        "qber": job.qber,
        "bits": n_bits,
        "pace": job.pace,
        "delay_ms": 1e3 * delay_s,
        "mbps_cpu": n_bits / 1e6 / max(alice["cpu_s"], bob["cpu_s"]),
        "mbps_wall": n_bits / 1e6 / max(alice["wall_s"], bob["wall_s"]),
        "f_one_way": alice["sent_bits"] / ideal,
        "f_two_way": leak / ideal,
        "leaked_bits_one_way": alice["sent_bits"],
        "leaked_bits_two_way": leak,
        "messages": bob["messages"],
        "rounds_of_longest_batch": bob["longest"],
        "frames": frames,
        "wrong_frames": wrong,
        "frame_error_rate_95": clopper_pearson(wrong, frames),
        "memory_mb": max(alice["memory_mb"], bob["memory_mb"]),
    }


def play(role: str, channel: Channel, job: CascadeJob) -> dict[str, Any]:
    """Play one party; see `qkdlab.cli.two_processes.run_two`."""
    _talk(role, channel, job, *dice(1 << 17, job.qber, 0))
    total: Counter[str] = Counter()
    for seed in range(1, job.strings + 1):
        told = _talk(role, channel, job, *dice(job.n_bits, job.qber, seed))
        longest = max(total["longest"], told.pop("longest"))
        total.update(told)
        total["longest"] = int(longest)
    return {**total, "memory_mb": peak_memory_mb()}


def _talk(
    role: str, channel: Channel, job: CascadeJob, start: BitArray, errors: BitArray
) -> dict[str, float]:
    """Reconcile one string; return what it took and what is left of the errors."""
    from qkdlab.link.cascade import CascadeReconciliation
    from qkdlab.link.codec import charge, decode, encode
    from qkdlab.link.messages import Parities

    bits = start if role == "alice" else start ^ errors
    rounds: Counter[int] = Counter()
    sent = 0
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    half = CascadeReconciliation(
        "alice" if role == "alice" else "bob",
        bits,
        frame_bits=_FRAME_BITS,
        qber=job.qber,
        seed=bytes(32),
        pace=job.pace,
    )
    outbox = deque(half.start())
    while outbox or not half.finished:
        while outbox:
            said = outbox.popleft()
            sent += charge(said).leak
            channel.send(encode(said).data)
        if half.finished:
            break
        data = channel.receive(_SILENCE_S)
        if data is None:
            raise RuntimeError("the other party said nothing")
        message = decode(data)
        if isinstance(message, Parities):
            rounds[message.batch] += 1
        outbox.extend(half.take(message))
    final, _ = half.final()
    wall_s, cpu_s = time.perf_counter() - begin_s, time.process_time() - begin_cpu_s
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "sent_bits": sent,
        "messages": rounds.total(),
        "longest": max(rounds.values()),
        "errors": errors.count(),
        **_frames((final ^ start).words, len(start)),
    }


def _frames(left: NDArray[np.uint64], n_bits: int) -> dict[str, int]:
    """Return the number of frames, and of those where the strings still differ."""
    import numpy as np

    from qkdlab.distill.cascade import frame_length

    length = frame_length(n_bits, _FRAME_BITS)
    wrong = np.unique(np.flatnonzero(left) // (length // 64))
    return {"frames": -(-n_bits // length), "wrong_frames": int(wrong.size)}


def dice(n_bits: int, qber: float, seed: int) -> tuple[BitArray, BitArray]:
    """Return a random string and errors at a given rate, the same for a given seed."""
    import numpy as np

    from qkdlab.bits.array import BitArray

    rng = np.random.default_rng(seed)
    words = -(-n_bits // 64)
    string = rng.integers(0, 1 << 64, words, np.uint64)
    errors = np.zeros(words, np.uint64)
    per_pass = 1 << 18
    for begin in range(0, words, per_pass):
        n = min(per_pass, words - begin)
        wrong = rng.random(64 * n, np.float32) < qber
        packed = np.packbits(wrong, bitorder="little").view("<u8")
        errors[begin : begin + n] = packed
    return BitArray.from_words(string, n_bits), BitArray.from_words(errors, n_bits)


def clopper_pearson(wrong: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of which `wrong` in `total` were seen."""
    from scipy.stats import beta

    low = beta.ppf(0.025, wrong, total - wrong + 1) if wrong else 0.0
    high = beta.ppf(0.975, wrong + 1, total - wrong) if wrong < total else 1.0
    return float(low), float(high)
