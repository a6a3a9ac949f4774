"""`qkdlab scan`: set a parameter to value after value, read others at each."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qkdlab.cli.by_hand import NEGATIVE_NUMBERS
from qkdlab.cli.options import Attach, Config, Json, Overrides

if TYPE_CHECKING:
    from qkdlab.station.scan import Column

__all__ = ["CONTEXT", "NAME", "command"]

NAME = "scan"
CONTEXT = NEGATIVE_NUMBERS

Row = list[tuple["Column", Any]]


def command(
    config: Config,
    name: Annotated[str, typer.Argument(metavar="PARAM", help="What is set.")],
    first: Annotated[float, typer.Argument(metavar="FROM", help="First value.")],
    last: Annotated[float, typer.Argument(metavar="TO", help="Last value.")],
    n: Annotated[int, typer.Argument(metavar="N", help="Number of points.")],
    reads: Annotated[
        list[str], typer.Option("--read", metavar="PARAM", help="Read; repeatable.")
    ],
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds waited before each reading.")
    ] = 0.0,
    output: Annotated[
        Path | None, typer.Option(help="New file for the points, as CSV.")
    ] = None,
    attach: Attach = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Set a parameter to N values from FROM to TO; read others at each.

    Points are printed, and written, as they come. Afterwards the parameter stays at
    the last value; after an error the instruments of the scan are made safe.
    """
    from qkdlab.cli.by_hand import load_for_hands, parameters
    from qkdlab.cli.output import print_json
    from qkdlab.session.signals import Interrupts
    from qkdlab.station.hands import safe_on_error
    from qkdlab.station.names import parse_name
    from qkdlab.station.scan import ScanPoint, evenly, flatten, scan

    loaded = load_for_hands(config, overrides)
    values = evenly(first, last, n)
    names = [parse_name(loaded, text) for text in [name, *reads]]
    rows: list[Row] = []
    with (
        Interrupts(b"qkdlab: stopping; instruments stay as they are\n") as interrupts,
        _writer(output) as write,
        parameters(loaded, attach, names) as ((knob, *meters), stations),
    ):

        def each(point: ScanPoint) -> None:
            row = flatten([knob, *meters], [point.setting, *point.readings])
            rows.append(row)
            write(row)
            if not as_json:
                _print(row, is_first=len(rows) == 1)
            interrupts.check()

        clock = stations[names[0].party].bench.clock
        try:
            with safe_on_error(stations):
                scan(knob, values, meters, settle, clock, each)
        finally:
            # What was measured before an error or a signal is not lost.
            if as_json and rows:
                print_json(_as_json(rows))


def _as_json(rows: list[Row]) -> dict[str, Any]:
    columns = [{"name": c.name, "unit": c.unit} for c, _ in rows[0]]
    return {"columns": columns, "points": [[v for _, v in row] for row in rows]}


def _heads(row: Row) -> list[str]:
    return [f"{c.name} ({c.unit})" if c.unit else c.name for c, _ in row]


def _print(row: Row, *, is_first: bool) -> None:
    from qkdlab.cli.by_hand import shown

    heads = _heads(row)
    if is_first:
        print("  ".join(heads))
    values = [shown(value) for _, value in row]
    cells = [v.rjust(len(h)) for h, v in zip(heads, values, strict=True)]
    print("  ".join(cells), flush=True)


@contextmanager
def _writer(path: Path | None) -> Iterator[Callable[[Row], None]]:
    """Give a function that writes rows to a new file, each at once."""
    if path is None:
        yield lambda row: None
        return
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)

        def write(row: Row) -> None:
            if file.tell() == 0:
                writer.writerow(_heads(row))
            writer.writerow([value for _, value in row])
            file.flush()

        yield write
