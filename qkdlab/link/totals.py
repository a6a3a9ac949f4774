"""The public figures of several blocks together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qkdlab.security.assumptions import taken_together

__all__ = ["total_figures"]

_SUMMED = (
    "accepted_slots",
    "live_slots",
    "double_clicks",
    "counts",
    "sifted_bits",
    "test_bits",
    "leaked_bits",
    "leaked_bits_by_direction",
    "verification_bits",
    "secret_bits",
    "claimable_secret_bits",
)
_COMMON = ("key_class", "theorem", "intensities")


def total_figures(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of a run of several blocks.

    One block's figures are the run's. Of more, those that ended with a key are summed,
    and rates follow from the sums; ``pulses`` are those of all. Without any key, the
    figures are the last block's, which tells why. Bounds and keys stay with their
    blocks. What the sum may be called is the least that a block may. The failure
    probabilities of all blocks add up: which of them would give a key was not known
    before.
    """
    if len(blocks) < 2:
        return dict(blocks[0]) if blocks else {}
    of_all = {
        "pulses": sum(b.get("pulses", 0) for b in blocks),
        "epsilon": _epsilon(blocks),
    }
    with_key = [b for b in blocks if b.get("secret_bits") and not b.get("aborted")]
    if len(with_key) < 2:
        return {**(with_key or blocks)[-1], **of_all}
    figures = {n: with_key[-1][n] for n in _COMMON if n in with_key[-1]}
    figures |= taken_together(with_key)
    for name in _SUMMED:
        values = [b[name] for b in with_key if name in b]
        if values:
            figures[name] = _sum(values)
    return {**figures, **_rates(figures, with_key), **of_all}


def _epsilon(blocks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the sum of what each block may fail by, rounded up, by name.

    A block that ended before its strings were compared has no ``correctness``.
    """
    terms: dict[str, list[float]] = {}
    for block in blocks:
        for name, value in block.get("epsilon", {}).items():
            terms.setdefault(name, []).append(value)
    return {
        name: min(1.0, math.nextafter(math.fsum(values), math.inf))
        for name, values in terms.items()
    }


def _sum(values: list[Any]) -> Any:
    """Add numbers, and mappings of them entry by entry."""
    if isinstance(values[0], Mapping):
        return {name: _sum([v[name] for v in values]) for name in values[0]}
    return sum(values)


def _rates(
    figures: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what follows from summed counts, as `qkdlab.link.figures` has it."""
    counts = figures.get("counts")
    if counts is None:
        return {}
    sent, sifted, errors = counts["sent"], counts["sifted"], counts["errors"]
    live = figures["live_slots"] / max(1, sum(b["pulses"] for b in blocks))
    return {
        "live_fraction": live,
        "gains": {b: _ratios(sifted[b], sent[b]) for b in sent},
        "qber": {b: _ratios(errors[b], sifted[b]) for b in sent},
        **{f"qber_{b.lower()}": _ratio(errors[b], sifted[b]) for b in sent},
    }


def _ratios(
    counts: Mapping[str, int], totals: Mapping[str, int]
) -> dict[str, float | None]:
    return {n: counts[n] / totals[n] if totals[n] else None for n in totals}


def _ratio(counts: Mapping[str, int], totals: Mapping[str, int]) -> float | None:
    total = sum(totals.values())
    return sum(counts.values()) / total if total else None
