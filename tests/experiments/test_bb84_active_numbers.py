"""The numbers of docs/active-receiver.md: the preset worked out by `keylength`."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from qkdlab.config.load import load
from qkdlab.security.asymptotic import binary_entropy
from qkdlab.security.keylength import keylength
from qkdlab_experiments.leak_cap import leak_factor

DOCUMENT = Path(__file__).parents[2] / "docs" / "active-receiver.md"
LOSS_DB = 8.0 + 2.0 + 3.5 + 3.0
"""Fibre, line attenuator, receiver, Bob's modulator."""
EFFICIENCY, DARK_HZ, ERROR, MOST_ERROR = 0.80, 100.0, 0.012, 0.0126
"""The cap on the leak follows the last: as much as verification leaves open."""
HALF_WIDTH, VACUUM_WIDTH = 0.054, 0.22
"""Of the committed intensities, relative."""


def expected(method="cascade", **changes):
    """Return the request for the nominal bench."""
    chosen = f"parameters.distillation.reconciliation={method}"
    p = load("bb84_active", overrides=[chosen]).parameters
    classes = p.intensities.ordered()
    mu = [c.mean_photon_number for c in classes]
    chances = [c.probability for c in classes]
    seen = 10 ** (-LOSS_DB / 10) * EFFICIENCY
    dark = DARK_HZ * p.detection.gate_ps * 1e-12
    gains = [1 - math.exp(-m * seen) + 2 * dark for m in mu]
    rate_hz = 1e12 / p.symbol_period_ps
    clicks = sum(c * g for c, g in zip(chances, gains, strict=True))
    live = math.exp(-rate_hz * clicks * p.detection.blank_ps * 1e-12)
    pulses = rate_hz * p.duration_s * live
    alice, bob = p.basis_x_probability, p.receiver.basis_x_probability
    per_class = [c * g for c, g in zip(chances, gains, strict=True)]
    n_key = [round(pulses * alice * bob * g) for g in per_class]
    n_test = [round(pulses * (1 - alice) * (1 - bob) * g) for g in per_class]
    part = p.distillation.epsilon_secrecy / 10
    request = {
        "protocol": "bb84-decoy2-eur",
        "intensities": [
            [m * (1 - w), m * (1 + w)]
            for m, w in zip(mu, (HALF_WIDTH,) * 2 + (VACUUM_WIDTH,), strict=True)
        ],
        "probabilities": chances,
        "n_key": n_key,
        "n_test": n_test,
        "m_test": [round(ERROR * n) for n in n_test],
        **{
            f"epsilon_{name}": part
            for name in ("decoy", "sampling", "mismatch1", "mismatch2", "pa")
        },
        "epsilon_ev": 2.0**-127,
        "efficiency_spread": 0.024,
        "dark_spread": 0.4,
        "dark_probability": dark,
        "swap": True,
        "slack": "chernoff",
        "leak_bits": round(leak_factor(p) * binary_entropy(MOST_ERROR) * sum(n_key)),
    }
    return {**request, **changes}


def documented(name):
    """Return a number of the document's table of expected numbers."""
    row = re.search(
        rf"^\| {re.escape(name)} \| ([^|]+) \|", DOCUMENT.read_text(), re.MULTILINE
    )
    assert row is not None, name
    return float(row[1].replace(" ", ""))


def test_the_documents_numbers_are_those_of_keylength():
    request = expected()
    answer = keylength(request)
    assert documented("sifted X") == pytest.approx(sum(request["n_key"]), rel=0.01)
    assert documented("test Z") == pytest.approx(sum(request["n_test"]), rel=0.01)
    for name, row in (
        ("s_K1", "single-photon events of X, at least"),
        ("e_1", "error rate of single photons in Z, at most"),
        ("B", "phase error rate, at most"),
        ("secret_bits", "secret bits, estimate"),
    ):
        assert documented(row) == pytest.approx(answer[name], rel=0.01), row


@pytest.mark.parametrize("method", ["ldpc", "auto"])
def test_what_the_cap_costs_follows_the_method(method):
    found = keylength(expected(method))["secret_bits"]
    assert documented(f"with `{method}`") == pytest.approx(found, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"swap": False, "dark_spread": 0.0}, "without swap, equal dark counts"),
        ({"swap": False}, "without swap"),
        ({"efficiency_spread": 0.05}, "efficiencies within 5 %"),
    ],
)
def test_what_the_swap_is_worth(changes, row):
    found = keylength(expected(**changes))["secret_bits"]
    assert documented(row) == pytest.approx(found, rel=0.01, abs=0.5)
