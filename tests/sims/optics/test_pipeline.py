"""Threads share parts of a stretch: every group passes every tick once, in order."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab_sims.optics.arrivals import Arrivals
from qkdlab_sims.optics.pipeline import Part, Pipeline

EDGES = [3, 10, 17, 20, 40]


def work(pipeline, threads):
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(pipeline.work) for _ in range(threads)]:
            future.result(10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 4), st.integers(1, 6))
def test_groups_pass_all_ticks_in_order_though_parts_fall_short(seed, threads, rooms):
    chance, lock = random.Random(seed), Lock()
    seen = {(0, 2): [], (2, 3): []}
    held = []

    def draw(part):
        with lock:
            end = chance.randint(part.begin + 1, part.end)
            assert all(part.arrivals is not other for other in held)
            held.append(part.arrivals)
        return Part(part.begin, end, part.arrivals)

    passes = {}

    def run(group, part):
        with lock:
            seen[group] += range(part.begin, part.end)
            passes[part.begin] = passes.get(part.begin, 0) + 1
            if passes[part.begin] == len(seen):
                held[:] = [one for one in held if one is not part.arrivals]

    made = [Arrivals(3) for _ in range(rooms)]
    work(Pipeline(EDGES, made, list(seen), draw, run), threads)
    assert all(ticks == list(range(3, 40)) for ticks in seen.values())


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("where", ["draw", "run"])
def test_a_failure_ends_the_work_of_all_threads(threads, where):
    def fails(*_):
        raise OverflowError("too much")

    def draw(part):
        return part

    steps = (fails, print) if where == "draw" else (draw, fails)
    rooms = [Arrivals(1) for _ in range(4)]
    pipeline = Pipeline(EDGES, rooms, [(0, 1)], *steps)
    with pytest.raises(OverflowError, match="too much"):
        work(pipeline, threads)
