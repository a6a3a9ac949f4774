"""Bob finds Alice's slots behind any fibre, on his own clock, with any cables.

Real drivers on the simulated bench; Alice plays a key pattern. Where the slots are
right, her vacuum symbols are dark: nothing else is needed to see it.
"""

from __future__ import annotations

import numpy as np
import pytest
from bench_at_work import Work, at_work, quick_config
from numpy.typing import NDArray
from steps_at_work import contexts, step_of_bob

from qkdlab.randomness import SeededRandomness
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import acquire_clicks, align, find_slots
from qkdlab_experiments.frame import header_template, key_frame

pytestmark = [pytest.mark.xdist_group("runs")]

LOSS_DB = 7.0
PS_PER_KM = 4.9e6
ZERO_LENGTH_OFFSET_PS = 799_922_138
"""Arrival of the first symbol after START without fibre, on the bench of SEED."""
SEED = 5


def length_km(slots_after_reference: int) -> float:
    """Return a length behind which the first symbol comes so near a START."""
    away_ps = 800_000_000 - ZERO_LENGTH_OFFSET_PS + 10_000 * slots_after_reference
    return away_ps / PS_PER_KM


def found_slots(
    length: float, ppm: float, delays_ps: dict[str, int] | None = None
) -> tuple[SyncFit, NDArray[np.float64]]:
    """Return the fit and the share of clicks by class."""
    overrides = [
        f"wiring.parts.fibre.length_km={length}",
        "wiring.parts.fibre.loss_db_per_km=0.0",
        f"wiring.parts.fibre.excess_loss_db={LOSS_DB}",
    ]
    cables = quick_config().wiring.cables
    for at, cable in enumerate(cables):
        if cable.target in (delays_ps or {}):
            delay_ps = (delays_ps or {})[cable.target]
            overrides.append(f"wiring.cables.{at}.delay_ps={delay_ps}")
    config = quick_config(overrides, {"bob.tagger": {"offset_ppm": ppm}})
    with at_work(config, SEED) as work:
        step_of_bob(work, contexts(work), "detectors")
        levels = work.calibrate()
        frame = key_frame(work.parameters, SeededRandomness(SEED, "alice"))
        work.play(frame, levels)
        return listen(work, frame)


def listen(work: Work, frame: NDArray[np.uint8]) -> tuple[SyncFit, NDArray[np.float64]]:
    p, receiver = work.parameters, work.role("bob", "receiver")
    receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    fit, _ = find_slots(receiver, p, header_template(p))
    receiver.stop()
    clicks = acquire_clicks(receiver, p, align(fit, p), 0.02)
    classes = (frame[clicks.slot % frame.size] >> 2) & 3
    return fit, np.bincount(classes, minlength=3) / classes.size


def check(fit: SyncFit, shares: NDArray[np.float64], ppm: float) -> None:
    assert fit.stretch == pytest.approx(1 / (1 + ppm * 1e-6) - 1, abs=2e-8)
    # of 0.4 x 0.5, 0.4 x 0.2, 0.2 x 0.002
    assert shares == pytest.approx([0.713, 0.285, 0.0014], abs=0.02)
    assert shares[2] < 0.005


@pytest.mark.parametrize(("length", "ppm"), [(25.0, -20.0), (length_km(-1), 20.0)])
def test_the_slots_are_found(length, ppm):
    check(*found_slots(length, ppm), ppm)


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-20.0, 20.0])
@pytest.mark.parametrize(
    "length", [0.0, 80.3, *(length_km(n) for n in (-4, -2, 0, 1, 3))]
)
def test_the_slots_are_found_behind_every_length(length, ppm):
    check(*found_slots(length, ppm), ppm)


def test_the_slots_are_found_where_detectors_hang_on_unequal_fibres():
    # pigtails of some metres: 5 ns each
    delays_ps = {"d_x1.in": 12_310, "d_z0.in": 25_740, "d_z1.in": 7_150}
    fit, shares = found_slots(25.0, 3.0, delays_ps)
    check(fit, shares, 3.0)
    apart = np.subtract(fit.offset_ps[1:], fit.offset_ps[0])
    assert apart == pytest.approx(list(delays_ps.values()), abs=60)
