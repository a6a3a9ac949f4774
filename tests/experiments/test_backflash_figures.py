"""What a watching diode with many darks tells about flashes, and how well."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from qkdlab_experiments.characterisation.backflash import backflash_figures

WINDOW_PS = (75_000, 115_000)
BEGIN_PS, DECAY_PS = 80_900, 2_500.0
SHARE, N_CLICKS, DARK_RATE_HZ, N_RUNS = 0.0142, 100_000, 3_000.0, 300
CLICKS_PS = np.arange(N_CLICKS, dtype=np.int64) * 1_000_000


def watched(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return tags of flashes and darks in a tenth of a second."""
    sources = CLICKS_PS[rng.random(N_CLICKS) < SHARE]
    flashes = sources + BEGIN_PS + rng.exponential(DECAY_PS, len(sources))
    n_darks = rng.poisson(DARK_RATE_HZ * 0.1)
    darks = rng.uniform(0, N_CLICKS * 1_000_000, n_darks)
    return np.sort(np.concatenate((flashes, darks))).astype(np.int64)


def test_uncertainties_hold_when_the_watching_diode_has_darks() -> None:
    rng = np.random.default_rng(5)
    truth = np.array([SHARE, BEGIN_PS, DECAY_PS])
    pulls = []
    for _ in range(N_RUNS):
        found = backflash_figures(CLICKS_PS, watched(rng), WINDOW_PS)
        figures = found.share, found.earliest_ps, found.decay_ps
        values, errors = np.array([(f.value, f.uncertainty) for f in figures]).T
        pulls.append((values - truth) / errors)
    squares = (np.array(pulls) ** 2).sum(axis=0)
    # errors of the flashes alone give 1.5 times the pulls
    low, high = chi2.interval(1 - 2e-4, N_RUNS)
    assert np.all(squares > low)
    assert np.all(squares < high)


@pytest.mark.parametrize(
    ("n_within", "n_before", "message"),
    [(150, 151, "no flashes"), (150, 20, "no width")],
)
def test_accidental_clicks_that_leave_nothing_are_refused(
    n_within: int, n_before: int, message: str
) -> None:
    within = CLICKS_PS[:n_within] + 80_000
    before = CLICKS_PS[200 : 200 + n_before] + 50_000
    tags = np.concatenate((within, before))
    with pytest.raises(ValueError, match=message):
        backflash_figures(CLICKS_PS, tags, WINDOW_PS)
