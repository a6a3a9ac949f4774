"""All published experiments in full: rows of `qkdlab benchmark published`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from qkdlab_sims.published import (
    boaron_2018,
    gobby_2004,
    honjo_2008,
    lucamarini_2013,
    micius_2017,
    rubenok_2013,
)
from qkdlab_sims.published.outcome import Outcome

__all__ = ["EXPERIMENTS", "Row", "figures", "outcomes", "table"]

Row: TypeAlias = tuple[str, float, str, str, float]
"""Name, value, unit, what the baseline is, its value."""

EXPERIMENTS: dict[str, Callable[[float, int], list[Outcome]]] = {
    "gobby_2004": gobby_2004.simulate,
    "lucamarini_2013": lucamarini_2013.simulate,
    "honjo_2008": honjo_2008.simulate,
    "rubenok_2013": rubenok_2013.simulate,
    "micius_2017": micius_2017.simulate,
    "boaron_2018": boaron_2018.simulate,
}

_SEED = 1


def outcomes(scale: float = 1.0, seed: int = _SEED) -> list[Outcome]:
    """Return the outcomes of all experiments; scale 1 is the full size of each."""
    return [one for run in EXPERIMENTS.values() for one in run(scale, seed)]


def figures() -> list[Row]:
    """Return ours beside the published figure, which is the baseline."""
    return [
        (
            f"{one.name}: {one.quantity}",
            one.ours,
            one.unit,
            "published, to be exceeded" if one.is_bound else "published",
            one.published,
        )
        for one in outcomes()
    ]


def table(found: list[Outcome]) -> str:
    """Return outcomes as a table in Markdown: ours has one deviation in brackets."""
    rows = [
        "| experiment | figure | published | ours | deviation | cause |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        unit = "" if one.unit == "1" else f" {one.unit}"
        deviation = "bound" if one.is_bound else f"{100.0 * one.deviation:+.1f} %"
        ours = f"{one.ours:.4g} ({one.uncertainty:.1g}){unit}"
        rows.append(
            f"| {one.name} | {one.quantity} | {one.published:.5g}{unit} | {ours} "
            f"| {deviation} | {one.cause} |"
        )
    return "\n".join(rows)
