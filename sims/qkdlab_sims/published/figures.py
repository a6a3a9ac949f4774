"""All published experiments in full: rows of `qkdlab benchmark published`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from qkdlab.errors import ConfigError
from qkdlab_sims.published import (
    boaron_2018,
    gobby_2004,
    honjo_2008,
    lucamarini_2013,
    micius_2017,
    rubenok_2013,
)
from qkdlab_sims.published.inputs import PACKAGED, build, read
from qkdlab_sims.published.outcome import Outcome

__all__ = ["EXPERIMENTS", "Row", "figures", "outcomes", "table"]

Row: TypeAlias = tuple[str, float, str, str, float]
"""Name, value, unit, what the baseline is, its value."""

Inputs = TypeVar("Inputs")
Simulation: TypeAlias = Callable[[float, int], list[Outcome]]
"""Of inputs that are sound, at a scale and with a seed."""


def _of(
    kind: type[Inputs], simulate: Callable[[float, int, Inputs], list[Outcome]]
) -> Callable[[Mapping[str, Any]], Simulation]:
    """Return how a section whose fields are those of `kind` is simulated."""
    name = kind.__module__.rpartition(".")[2]

    def prepare(table: Mapping[str, Any]) -> Simulation:
        inputs = build(kind, table, name)
        return lambda scale, seed: simulate(scale, seed, inputs)

    return prepare


def _honjo(table: Mapping[str, Any]) -> Simulation:
    runs = honjo_2008.runs_of(table)
    return lambda scale, seed: honjo_2008.simulate(scale, seed, runs)


EXPERIMENTS: dict[str, Callable[[Mapping[str, Any]], Simulation]] = {
    "gobby_2004": _of(gobby_2004.Gobby2004, gobby_2004.simulate),
    "lucamarini_2013": _of(lucamarini_2013.Lucamarini2013, lucamarini_2013.simulate),
    "honjo_2008": _honjo,
    "rubenok_2013": _of(rubenok_2013.Rubenok2013, rubenok_2013.simulate),
    "micius_2017": _of(micius_2017.Micius2017, micius_2017.simulate),
    "boaron_2018": _of(boaron_2018.Boaron2018, boaron_2018.simulate),
}
"""How each is simulated, by its section of the inputs."""

_SEED = 1


def outcomes(
    scale: float = 1.0, seed: int = _SEED, inputs: Path = PACKAGED
) -> list[Outcome]:
    """Return the outcomes of all experiments that `inputs` has a section for.

    scale: 1 for the full size of each

    Raises ConfigError for a section that no experiment is called, and as `build`.
    """
    sections = read(inputs)
    for name in sections:
        if name not in EXPERIMENTS:
            raise ConfigError(
                f"{inputs}: no experiment is called '{name}'; there are "
                f"{', '.join(EXPERIMENTS)}"
            )
    # all inputs are looked at before anything is simulated
    prepared = [EXPERIMENTS[n](sections[n]) for n in EXPERIMENTS if n in sections]
    return [one for run in prepared for one in run(scale, seed)]


def figures(inputs: Path | None = None) -> list[Row]:
    """Return ours beside the published figure, which is the baseline.

    inputs: other than the package's own

    Raises ConfigError as `outcomes`, and for inputs that are no physics.
    """
    try:
        found = outcomes(inputs=inputs or PACKAGED)
    except (ValueError, ArithmeticError) as error:
        raise ConfigError(f"{inputs or PACKAGED}: {error}") from error
    return [
        (
            f"{one.name}: {one.quantity}",
            one.ours,
            one.unit,
            "published, to be exceeded" if one.is_bound else "published",
            one.published,
        )
        for one in found
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
