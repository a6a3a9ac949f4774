"""`qkdlab benchmark`: the project's own figures, each beside a baseline."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from qkdlab.cli.options import Json
from qkdlab.errors import UsageError

__all__ = ["NAME", "command"]

NAME = "benchmark"


def command(
    groups: Annotated[
        list[str] | None, typer.Argument(help="Groups to measure [all].")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of inputs for the group 'published', instead of the "
            "package's own (qkdlab_sims/published/inputs.toml)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the project's figures here.

    Every figure comes beside a baseline measured in the same run.
    """
    from qkdlab.cli.benchmark_published import published
    from qkdlab.cli.benchmarks import GROUPS, machine
    from qkdlab.cli.output import print_json
    from qkdlab.cli.table import print_table
    from qkdlab.plugins import did_you_mean

    for group in groups or []:
        if group not in GROUPS:
            raise UsageError(
                f"no group of benchmarks is called '{group}'"
                f"{did_you_mean(group, GROUPS)}; there are {', '.join(GROUPS)}"
            )
    measured = dict(GROUPS)
    if inputs is not None:
        if groups != ["published"]:
            raise UsageError("--inputs goes with the group 'published' alone")
        measured["published"] = partial(published, inputs)
    results = [r for group in groups or measured for r in measured[group]()]
    if as_json:
        print_json({"machine": machine(), "results": [r.as_json() for r in results]})
        return
    for name, value in machine().items():
        print(f"{name}: {value}")
    print_table(
        ["figure", "value", "unit", "baseline", "", "ratio"],
        [r.as_row() for r in results],
        numbers=True,
    )
