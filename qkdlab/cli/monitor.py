"""`qkdlab monitor`: watch the slow values of a bench."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from qkdlab.cli.options import Attach, Config, Json, Overrides

if TYPE_CHECKING:
    from qkdlab.clock import Clock
    from qkdlab.session.signals import Interrupts
    from qkdlab.station.monitor import Sample

__all__ = ["NAME", "command"]

NAME = "monitor"
_POLL_S = 0.1


class _Show(Protocol):
    def __call__(self, t_s: float, taken: Sample, units: dict[str, str]) -> None: ...


def command(
    config: Config,
    every: Annotated[
        float, typer.Option(min=0, help="Seconds from sample to sample.")
    ] = 1.0,
    count: Annotated[
        int | None, typer.Option(min=1, help="Samples to take [until SIGINT].")
    ] = None,
    attach: Attach = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show the slow values of a bench until SIGINT.

    On a terminal one table is refreshed; elsewhere, or with --json, each sample is a
    line. All instruments stay as they are but for the mode in which a meter reads.
    """
    from qkdlab.cli.by_hand import at_the_bench, load_for_hands
    from qkdlab.session.signals import Interrupted, Interrupts
    from qkdlab.station.monitor import sample, series_of, watched

    loaded = load_for_hands(config, overrides)
    with (
        Interrupts(b"") as interrupts,
        at_the_bench(loaded, attach, watched(loaded)) as stations,
        _display(as_json=as_json) as show,
    ):
        series = list(series_of(loaded, stations))
        units = {parameter.name: parameter.unit for parameter in series}
        clock = next(iter(stations.values())).bench.clock
        begin_ps = clock.now_ps()
        taken = 0
        try:
            while True:
                t_s = (clock.now_ps() - begin_ps) * 1e-12
                show(t_s, sample(series), units)
                taken += 1
                if taken == count:
                    return
                _wait(clock, every, interrupts)
        except Interrupted:
            return


def _wait(clock: Clock, duration_s: float, interrupts: Interrupts) -> None:
    """Let time pass on the bench and for the watcher; raises Interrupted."""
    from qkdlab.clock import seconds

    due_ps = clock.now_ps() + seconds(duration_s)
    due_s = time.monotonic() + duration_s
    interrupts.check()
    while (left_s := due_s - time.monotonic()) > 0:
        time.sleep(min(left_s, _POLL_S))
        interrupts.check()
    # Virtual time stands still while the watcher waits; host time has passed by now.
    clock.sleep_until(due_ps)


@contextmanager
def _display(*, as_json: bool) -> Iterator[_Show]:
    if as_json:
        yield _print_json
    elif sys.stdout.isatty():
        with _table() as show:
            yield show
    else:
        yield _print_line


def _print_json(t_s: float, taken: Sample, units: dict[str, str]) -> None:
    from qkdlab.cli.output import print_json

    line = {
        "t_s": round(t_s, 6),
        "values": {name: value for name, (value, _) in taken.items()},
        "units": units,
        "problems": {n: problem for n, (_, problem) in taken.items() if problem},
    }
    print_json(line, one_line=True)


def _print_line(t_s: float, taken: Sample, units: dict[str, str]) -> None:
    print(f"t = {t_s:.3f} s")
    for name, cell in _cells(taken, units):
        print(f"  {name}: {cell}")
    sys.stdout.flush()


def _cells(taken: Sample, units: dict[str, str]) -> list[tuple[str, str]]:
    from qkdlab.cli.by_hand import shown

    return [
        (name, shown(value, units[name]) if problem is None else f"- {problem}")
        for name, (value, problem) in taken.items()
    ]


@contextmanager
def _table() -> Iterator[_Show]:
    from rich.live import Live
    from rich.table import Table

    with Live(auto_refresh=False) as live:

        def show(t_s: float, taken: Sample, units: dict[str, str]) -> None:
            table = Table(title=f"t = {t_s:.1f} s", title_justify="left")
            table.add_column("series")
            table.add_column("value")
            for name, cell in _cells(taken, units):
                table.add_row(name, cell)
            live.update(table, refresh=True)

        yield show
