"""What the commands for a person at the bench share: the bench, and values as text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.station.names import ParameterName
    from qkdlab.station.open import Station
    from qkdlab.station.parameters import Parameter

__all__ = [
    "NEGATIVE_NUMBERS",
    "at_the_bench",
    "load_for_hands",
    "parameters",
    "shown",
]

NEGATIVE_NUMBERS = {"ignore_unknown_options": True}
"""Settings of a command whose arguments may begin with a minus."""


def load_for_hands(config: str, overrides: Sequence[str] | None) -> RunConfig:
    """Load a configuration; warnings come as single lines from here on."""
    from qkdlab.cli.output import short_warnings
    from qkdlab.config.load import load

    short_warnings()
    return load(config, overrides=list(overrides or []))


@contextmanager
def at_the_bench(
    config: RunConfig,
    addresses: Path | None,
    wanted: Mapping[str, Collection[str]],
) -> Iterator[dict[str, Station]]:
    """Open instruments by party as they stand; leave them as they stand."""
    from qkdlab.station.hands import bench_of, open_hands_on

    with bench_of(config, addresses) as bench:
        opening = open_hands_on(config, bench, wanted, lambda what, done, total: None)
        with opening as stations:
            yield stations


@contextmanager
def parameters(
    config: RunConfig, addresses: Path | None, names: Sequence[ParameterName]
) -> Iterator[tuple[list[Parameter], dict[str, Station]]]:
    """Open the instruments of `names` and find their parameters."""
    from qkdlab.station.parameters import find_parameter

    wanted: dict[str, set[str]] = {}
    for name in names:
        wanted.setdefault(name.party, set()).add(name.instrument)
    with at_the_bench(config, addresses, wanted) as stations:
        found = [
            find_parameter(stations[n.party].instruments[n.instrument], n)
            for n in names
        ]
        yield found, stations


def shown(value: Any, unit: str = "") -> str:
    """Return a value for people, with its unit."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        text = f"{value:.10g}"
    elif isinstance(value, list | tuple):
        text = ", ".join(shown(element) for element in value)
    else:
        text = str(value)
    return f"{text} {unit}".rstrip()
