"""Progress for people, on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qkdlab.progress import Report

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["plain_lines", "progress"]

_MIN_INTERVAL_S = 2.0


@contextmanager
def progress(*, quiet: bool) -> Iterator[Report]:
    """Give a function that shows progress until the context ends."""
    if quiet:
        yield lambda what, done, total: None
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield plain_lines()


def plain_lines(now_s: Callable[[], float] = time.monotonic) -> Report:
    """Return a report that prints each new step, and every two seconds how it goes."""
    last: dict[str, float] = {}

    def report(what: str, done: float, total: float) -> None:
        if what in last and now_s() - last[what] < _MIN_INTERVAL_S:
            return
        last[what] = now_s()
        amount = f" {100 * done / total:3.0f} %" if total and done else ""
        print(f"{what}{amount}", file=sys.stderr, flush=True)

    return report


@contextmanager
def _bars() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        current: dict[str, tuple[str, TaskID]] = {}

        def report(what: str, done: float, total: float) -> None:
            party = what.partition(":")[0]
            if party in current and current[party][0] != what:
                _finish(bars, current.pop(party)[1])
            if party not in current:
                current[party] = what, bars.add_task(what)
            bars.update(current[party][1], completed=done, total=total or 1.0)

        yield report
        for _, task in current.values():
            _finish(bars, task)


def _finish(bars: Progress, task: TaskID) -> None:
    """Fill the bar of a step: the next one of its party has begun."""
    bars.update(task, completed=1.0, total=1.0)
