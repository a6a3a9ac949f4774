"""Bright pulses on a blinded diode: which energies never click, which always do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq, curve_fit
from scipy.special import ndtr
from world_stubs import StubBench

Floats = NDArray[np.float64]
PERIOD_PS = 10_000
PHOTON_J = 6.62607015e-34 * 299_792_458.0 / 1550.12e-9
SERIES_OHM, RESPONSIVITY, BREAKDOWN_V, EXCESS_V = 1e8, 0.9, 65.0, 2.5
DIODE = {
    "kind": "spad",
    "owner": "bob",
    "efficiency": 0.25,
    "dark_rate_hz": 100.0,
    "dead_time_ps": 15_000,
    "jitter_fwhm_ps": 100.0,
    "breakdown_v": BREAKDOWN_V,
    "rated_excess_v": EXCESS_V,
    "network": {
        "series_ohm": SERIES_OHM,
        "responsivity_a_per_w": RESPONSIVITY,
        "blinding_gain": 6.0,
        "miller_power": 2.5,
        "comparator_c": 3e-15,
        "comparator_rms": 0.08,
    },
}
N_SYMBOLS, EVERY = 640, 8
LEVELS_V = np.linspace(0.1, 0.8, N_SYMBOLS // EVERY)
PATTERN_V = np.full(N_SYMBOLS, 0.05)
PATTERN_V[::EVERY] = LEVELS_V
"""Weak pulses that blind together, and among them one of each level."""


@dataclass(frozen=True)
class SCurve:
    """What pulses of each level do while all pulses together blind the diode."""

    power_w: float
    energies_j: Floats
    shares: Floats

    def threshold(self) -> tuple[float, float]:
        """Return the energy that clicks half of the time, and the relative noise."""
        scale_j = float(self.energies_j[np.argmax(self.shares > 0.5)])

        def law(x: Any, middle: float, rms: float) -> Any:
            return ndtr((x / middle - 1.0) / rms)

        found, _ = curve_fit(law, self.energies_j / scale_j, self.shares, (1.0, 0.1))
        return float(found[0]) * scale_j, float(found[1])


class Blinded:
    """A bench whose diodes the laser's own pulses blind where it is not attenuated."""

    def __init__(self) -> None:
        diodes = dict.fromkeys(("d_x0", "d_x1", "d_z0", "d_z1"), DIODE)
        self.made = StubBench(pad={"loss_db": 0.0}, fibre={"length_km": 0.0}, **diodes)
        self.made.line_attenuator.db = 0.0
        self.made.generator.play(PATTERN_V.tolist(), [0.0] * N_SYMBOLS)
        self.undamped_j = self._photons(57.0) * PHOTON_J * 10**5.7

    def counts(self, db: float, duration_s: float) -> tuple[NDArray[np.int64], int]:
        """Return tags of the first diode by symbol, and how often each was sent."""
        self.made.attenuator.db = db
        begin_ps = self.made.tagger.complete_ps + 10**9
        self.made.run(begin_ps)
        self.made.run(begin_ps + round(duration_s * 1e12))
        times = self.made.tagger.times(1)
        (way, *_) = self.made.world.ways.detectors
        symbol = (times[times >= begin_ps] - way.arrival_ps) // PERIOD_PS
        n_each = round(duration_s * 1e12) // (PERIOD_PS * N_SYMBOLS)
        return np.bincount(symbol % N_SYMBOLS, minlength=N_SYMBOLS), n_each

    def _photons(self, db: float) -> Floats:
        """Return photons by symbol from dim light that the diode counts.

        A smooth curve by level, as a modulator's is: single counts are too few. Their
        roots have one deviation.
        """
        tags, n_each = self.counts(db, 0.8)
        photons: Floats = -np.log1p(-tags / n_each) / 0.25
        roots = np.sqrt(photons[::EVERY])
        by_level = np.polynomial.Polynomial.fit(LEVELS_V, roots, 4)
        photons[::EVERY] = by_level(LEVELS_V) ** 2
        return photons

    def s_curve(self, db: float) -> SCurve:
        """Return what each level does when the light is attenuated by `db` only."""
        tags, n_each = self.counts(db, 0.0128)
        energies_j = self.undamped_j * 10 ** (-db / 10.0)
        power_w = float(energies_j.mean()) / (PERIOD_PS * 1e-12)
        return SCurve(power_w, energies_j[::EVERY], tags[::EVERY] / n_each)


@pytest.fixture(scope="module")
def blinded() -> Blinded:
    return Blinded()


@pytest.fixture(scope="module")
def curves(blinded: Blinded) -> list[SCurve]:
    return [blinded.s_curve(db) for db in (16.0, 12.5, 9.0, 5.5, 2.0)]


def left_gain(power_w: float, miller_power: float) -> float:
    """Return the gain where the photocurrent's drop leaves so much voltage."""

    def gain(volts: float) -> float:
        return float(1.0 / (1.0 - (volts / BREAKDOWN_V) ** miller_power))

    def excess(volts: float) -> float:
        drop_v = SERIES_OHM * RESPONSIVITY * power_w * gain(volts)
        return BREAKDOWN_V + EXCESS_V - drop_v - volts

    return gain(float(brentq(excess, 0.0, BREAKDOWN_V - 1e-6)))


def test_a_blinded_diode_clicks_on_bright_pulses_alone(curves: list[SCurve]) -> None:
    """Below E_never none clicks, above E_always each: three deviations apart."""
    for curve in curves:
        middle_j, rms = curve.threshold()
        never_j, always_j = middle_j * (1.0 - 3.5 * rms), middle_j * (1.0 + 3.5 * rms)
        assert curve.shares[curve.energies_j < never_j].max(initial=0.0) < 0.002
        assert curve.shares[curve.energies_j > always_j].min() > 0.998


def test_noise_of_the_comparator_is_recovered_from_the_width_of_the_step(
    curves: list[SCurve],
) -> None:
    assert np.mean([curve.threshold()[1] for curve in curves]) == pytest.approx(
        0.08, rel=0.06
    )


def test_comparator_and_gain_are_recovered_from_thresholds_by_power(
    curves: list[SCurve],
) -> None:
    powers_w = [curve.power_w for curve in curves]
    thresholds_j = np.array([curve.threshold()[0] for curve in curves])
    assert np.all(np.diff(thresholds_j) > 0.0)

    def law(watts: Any, comparator_fc: float, miller_power: float) -> Any:
        gains = np.array([left_gain(w, miller_power) for w in watts])
        return comparator_fc / (RESPONSIVITY * gains)

    start, bounds, wanted_fj = (1.0, 3.0), (0.5, 10.0), thresholds_j * 1e15
    found, _ = curve_fit(law, powers_w, wanted_fj, start, wanted_fj, bounds=bounds)
    assert found[0] == pytest.approx(3.0, rel=0.03)
    assert found[1] == pytest.approx(2.5, rel=0.08)


def test_a_blinded_diode_has_no_dark_counts_and_counts_again_in_dim_light(
    blinded: Blinded,
) -> None:
    tags, _ = blinded.counts(2.0, 0.0128)
    assert tags[1::EVERY].sum() == 0
    tags, n_each = blinded.counts(67.0, 0.1)
    expected = (blinded.undamped_j * 10**-6.7).sum() / PHOTON_J * 0.25 * n_each
    assert tags.sum() == pytest.approx(expected, rel=0.06)
