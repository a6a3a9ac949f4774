"""A run's gains and error rates beside those of the closed form for its true bench."""

from __future__ import annotations

import math
from typing import Any

CLASSES = ("signal", "decoy", "vacuum")


def sigmas(result: dict[str, Any]) -> dict[str, float]:
    """Return how far each gain and error rate lies from the analytic expectation."""
    counts, found = result["counts"], {}
    for basis in "XZ":
        for name in CLASSES:
            sent = counts["sent"][basis][name]
            sifted = counts["sifted"][basis][name]
            gain = result["expected"]["gains"][basis][name]
            wrong = result["expected"]["qber"][basis][name]
            spread = math.sqrt(sent * gain * (1 - gain))
            found[f"gain {basis} {name}"] = (sifted - sent * gain) / spread
            spread = math.sqrt(sifted * wrong * (1 - wrong)) or 1.0
            errors = counts["errors"][basis][name]
            found[f"qber {basis} {name}"] = (errors - sifted * wrong) / spread
    return found


def assert_as_expected(result: dict[str, Any]) -> None:
    """Hold all to 4.5 sigma but error rates of the vacuum, which are a few counts."""
    off = {
        name: sigma
        for name, sigma in sigmas(result).items()
        if name not in ("qber X vacuum", "qber Z vacuum")
    }
    assert max(map(abs, off.values())) < 4.5, off
