"""Figures of the physics engine, each beside the naive model in the same run.

Times are CPU time of this process, the least of several repeats, compiled beforehand;
only the figure of two cores is of wall time. "x real time" is link time over CPU time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from qkdlab_sims.benchmarks.interference import mdi_speeds
from qkdlab_sims.benchmarks.link import PERIOD_PS, SHARES, Link, simulated_s
from qkdlab_sims.benchmarks.naive._kernels import aes_settings, philox_settings
from qkdlab_sims.benchmarks.naive.model import naive_link
from qkdlab_sims.benchmarks.pairs import pair_speeds
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw

__all__ = ["Row", "figures", "loss_curve", "settings_speeds", "speed"]

Row: TypeAlias = tuple[str, float, str, str, float]
"""Name, value, unit, what the baseline is, its value."""

REAL_TIME = "x real time"
NAIVE = "pulse by pulse, compiled"
_REPEATS = 11
_NAIVE_PULSES = 300_000
_CANDIDATES = 262
"""Pulses of a tick that are looked up at 20 dB."""
_LOOK_UP_TICKS = 1_000
_MOST_TICKS = 20_000
_PORTION_TICKS = round(0.1 / simulated_s(1))
_ROUNDS = 3
_LINKS = (
    ("bb84_1ghz_20db_snspd", 20.0, False),
    ("bb84_1ghz_30db_snspd", 30.0, False),
    ("bb84_1ghz_20db_spad", 20.0, True),
)
"""Name, loss, diodes: each is measured plain, too."""


def figures() -> list[Row]:
    """Measure the rows of the group `physics`."""
    rows: list[Row] = []
    for name, loss_db, diodes in _LINKS:
        for plain in (False, True):
            link = Link(loss_db, diodes=diodes, plain=plain)
            figure = speed(link), REAL_TIME, NAIVE, naive_speed(link)
            rows.append((f"{name}_plain" if plain else name, *figure))
    rows.append(("settings_aes", *settings_speeds(0)))
    rows.append(("settings_aes_of_three_pulses", *settings_speeds(2)))
    rows.append(("bb84_1ghz_20db_two_cores", *two_core_speeds()))
    ours, every_pulse = mdi_speeds()
    rows.append(("mdi_1ghz_20db_per_arm", ours, REAL_TIME, "every pulse", every_pulse))
    ours, all_pairs = pair_speeds()
    rows.append(("spdc_1e7_pairs_20pct", ours, REAL_TIME, "all pairs", all_pairs))
    return rows


def loss_curve(losses_db: Sequence[float]) -> list[tuple[float, float]]:
    """Return speed and clicks per second of link time by loss, with nanowires."""
    links = [Link(loss_db) for loss_db in losses_db]
    return [(speed(link), clicks_per_s(link)) for link in links]


def speed(link: Link) -> float:
    """Return the speed of a link in units of real time."""
    n_ticks = _ticks(link.loss_db)
    link.run(n_ticks)
    return simulated_s(n_ticks) / _least(lambda: link.run(n_ticks), time.process_time)


def clicks_per_s(link: Link) -> float:
    """Return the clicks of a link per second of link time."""
    n_ticks = _ticks(link.loss_db)
    return link.run(n_ticks) / simulated_s(n_ticks)


def naive_speed(link: Link) -> float:
    """Return the speed of the naive model of the same link."""
    run = naive_link(link)
    run(1)
    took_s = _least(lambda: run(_NAIVE_PULSES), time.process_time)
    return _NAIVE_PULSES * PERIOD_PS * 1e-12 / took_s


def settings_speeds(n_lags: int) -> tuple[float, str, str, float]:
    """Return look-ups of contexts by AES-128 and by Philox, in millions a second.

    n_lags: pulses before that matter too, by their intensity
    """
    pulses = np.sort(np.random.default_rng(1).integers(0, 1 << 16, _CANDIDATES))
    within = pulses.astype(np.int32)
    generator = CounterSettings(bytes(range(16)), 1, SHARES)
    intensity = [setting >> 2 for setting in range(SHARES.n_settings)]
    law = ContextLaw.of(generator, [intensity] * n_lags).record(0)
    key = stream_key(1, "benchmark", "settings")
    bounds = generator.sums.astype(np.int32)
    out = np.empty(_CANDIDATES, np.int32)

    runs = (
        lambda: aes_settings(_LOOK_UP_TICKS, within, law, out),
        lambda: philox_settings(_LOOK_UP_TICKS, within, key, bounds, n_lags, out),
    )
    took_s = _by_turns(runs, time.process_time)
    aes, philox = (_LOOK_UP_TICKS * _CANDIDATES / took / 1e6 for took in took_s)
    return aes, "million pulses/s", "by Philox4x32-10", philox


def two_core_speeds() -> tuple[float, str, str, float]:
    """Return the speed of two threads and of one, by wall time.

    Of calls of 0.1 s of link time, the most that a bench asks for at a time
    (`bench.world.LONGEST_WAIT_PS`). The run of `bb84_1ghz` asks every 20 ms, and its
    light changes in between: calls of 16 to 300 ticks, 1 ms of work on average, which
    the bench leaves to one thread.
    """
    links = [Link(20.0, threads=threads) for threads in (2, 1)]
    runs = [partial(link.run, _PORTION_TICKS) for link in links]
    took_s = _by_turns(runs, time.perf_counter)
    two, one = (simulated_s(_PORTION_TICKS) / took for took in took_s)
    return two, f"{REAL_TIME}, wall", "one thread", one


def _ticks(loss_db: float) -> int:
    """Return ticks that take some ten milliseconds."""
    return int(min(800 * 10.0 ** (max(loss_db - 20.0, -10.0) / 10.0), _MOST_TICKS))


def _least(run: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the least time that something takes."""
    took = []
    for _ in range(_REPEATS):
        begin = clock()
        run()
        took.append(clock() - begin)
    return min(took)


def _by_turns(
    runs: Sequence[Callable[[], object]], clock: Callable[[], float]
) -> list[float]:
    """Return the least time of each, compiled beforehand.

    They take turns, for what else the machine does comes and goes.
    """
    for run in runs:
        run()
    took = [[_least(run, clock) for run in runs] for _ in range(_ROUNDS)]
    return [min(times) for times in zip(*took, strict=True)]
