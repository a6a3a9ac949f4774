"""Progress for people, on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Report", "plain_lines", "progress"]

Report = Callable[[str, float, float], None]
"""Called with (what, done, total)."""

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
        amount = f" {100 * done / total:3.0f} %" if total > 1 and done else ""
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
        tasks = {}

        def report(what: str, done: float, total: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or 1.0)
            bars.update(tasks[what], completed=done, total=total or 1.0)

        yield report
