"""Single photons on a beam splitter: the dip, losses, and a plain Fock-space model."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from interference_bench import PERFECT, PERIOD_PS, H, V, splitter
from two_samples import p_value

from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorBank, DetectorState
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.interference.two_photons import PhotonInput, TwoPhotons

N_TICKS = 16
ONE_H = np.array([[1, 0]], np.complex128)


def clicked(a, b, alike, n_ticks=N_TICKS, seed=1):
    n_det = len(a.paths)
    bank = DetectorBank((PERFECT,) * n_det, (500_000,) * n_det, PERIOD_PS, seed=seed)
    state = DetectorState(bank)
    state.set_bias([20.0] * n_det)
    source = TwoPhotons(a, b, alike, PERIOD_PS, seed)
    tags = detect(state, source, 0, n_ticks * PULSES_PER_TICK).times_ps
    out = np.zeros((n_ticks * PULSES_PER_TICK, n_det), bool)
    for d, t in enumerate(tags):
        out[t // PERIOD_PS, d] = True
    return out[:-1]


@pytest.mark.parametrize("alike", [0.0, 0.6, 0.95, 1.0])
def test_indistinguishability_is_recovered_from_coincidences(alike):
    # both photons there: coincidences in (1 - M) / 2 of the pulses; 4 tests, 4.5 sigma
    one, two = splitter()
    clicks = clicked(PhotonInput(ONE_H, 1.0, one), PhotonInput(ONE_H, 1.0, two), alike)
    expected = (1 - alike) / 2
    n = len(clicks)
    sigma = math.sqrt(max(expected * (1 - expected) / n, 1e-12))
    assert abs(clicks.all(axis=1).mean() - expected) < 4.5 * sigma
    assert clicks.any(axis=1).all()


def test_photons_of_crossed_polarization_do_not_meet():
    one, two = splitter((H, V))
    crossed = PhotonInput(np.array([[0, 1]], np.complex128), 1.0, two)
    clicks = clicked(PhotonInput(ONE_H, 1.0, one), crossed, 1.0)
    opposite = clicks @ np.array([1, 2, 4, 8])
    share = np.isin(opposite, (0b1001, 0b0110)).mean()
    assert abs(share - 0.5) < 4.5 * math.sqrt(0.25 / len(clicks))


def test_losses_and_brightness_lower_both_rates_as_they_must():
    one, two = splitter(efficiency=0.3)
    inputs = PhotonInput(ONE_H, 0.4, one), PhotonInput(ONE_H, 0.7, two)
    clicks = clicked(*inputs, 0.9)
    both = 0.4 * 0.7 * 0.3**2 * 0.05
    n = len(clicks)
    assert abs(clicks.all(axis=1).sum() - n * both) < 4.5 * math.sqrt(n * both)
    # mean photon numbers do not depend on interference: 0.3 (0.4 + 0.7), less those
    # that go into one detector together
    twice = 0.4 * 0.7 * 0.3**2 * 0.95
    seen = 0.3 * 1.1 - twice
    assert abs(clicks.sum() - n * seen) < 4.5 * math.sqrt(n * seen)


def fock_patterns(u, v, alike, p, q):
    """Return the chance of each pattern of clicks, from a model with loss modes.

    Photon b has a part sqrt(M) in a's temporal mode and sqrt(1 - M) in another; the
    network is completed to a unitary, and all paths of both photons are summed.
    """
    n_det = len(u)
    amplitudes = np.stack([u, v], axis=1)
    rest = np.eye(2) - amplitudes.conj().T @ amplitudes
    values, vectors = np.linalg.eigh(rest)
    lost = np.sqrt(np.maximum(values, 0))[:, None] * vectors.conj().T
    full = np.vstack([amplitudes, lost])  # isometry: columns are a, b
    n = len(full)
    chances = np.zeros(1 << n_det)

    def mask(modes):
        return sum(1 << m for m in set(modes) if m < n_det)

    for has_a, has_b in itertools.product((False, True), repeat=2):
        weight = (p if has_a else 1 - p) * (q if has_b else 1 - q)
        if has_a and has_b:
            for i, j in itertools.product(range(n), repeat=2):
                chances[mask((i, j))] += (
                    weight * (1 - alike) * abs(full[i, 0] * full[j, 1]) ** 2
                )
                if i <= j:
                    paths = full[i, 0] * full[j, 1] + full[j, 0] * full[i, 1]
                    same = 0.5 if i == j else 1.0
                    chances[mask((i, j))] += weight * alike * same * abs(paths) ** 2
        elif has_a or has_b:
            column = 0 if has_a else 1
            for i in range(n):
                chances[mask((i,))] += weight * abs(full[i, column]) ** 2
        else:
            chances[0] += weight
    return chances


@pytest.mark.parametrize(("alike", "seed"), [(0.0, 1), (0.7, 2), (1.0, 3)])
def test_patterns_agree_with_a_model_in_fock_space(alike, seed):
    # unequal efficiencies, any polarizations; p > 1e-4, 3 tests; M 0.1 off is caught
    rng = np.random.default_rng(seed)
    one, two = splitter((H, V))
    scale = np.sqrt([0.9, 0.5, 0.7, 0.3])[:, None]
    turn, _ = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
    a = PhotonInput(turn[None, 0], 0.8, scale * one)
    b = PhotonInput(turn[None, 1] * 0.6 + 0.8 * turn[None, 0], 0.6, scale * two)
    clicks = clicked(a, b, alike, n_ticks=24, seed=seed)
    ours = np.bincount(clicks @ np.array([1, 2, 4, 8]), minlength=16)
    u, v = a.amplitudes()[0], b.amplitudes()[0]

    def expected(m):
        chances = fock_patterns(u, v, m, 0.8, 0.6)
        assert chances.sum() == pytest.approx(1)
        return np.random.default_rng(seed + 10).multinomial(len(clicks), chances)

    assert p_value(ours, expected(alike)) > 1e-4
    assert p_value(ours, expected(abs(alike - 0.1))) < 1e-4


def test_paths_that_amplify_are_refused():
    one, two = splitter(efficiency=1.2)
    with pytest.raises(ValueError, match="may not amplify"):
        TwoPhotons(PhotonInput(ONE_H, 1, one), PhotonInput(ONE_H, 1, two), 1, 1000, 1)


@pytest.mark.parametrize("value", [-0.1, 1.2])
def test_brightness_outside_zero_to_one_is_refused(value):
    with pytest.raises(ValueError, match=r"brightness is .* between 0 and 1"):
        PhotonInput(ONE_H, value, splitter()[0])
