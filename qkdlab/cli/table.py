"""Tables for people: drawn by rich on a terminal, aligned text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["print_table"]


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    numbers: bool = False,
) -> None:
    """Print a table on stdout; with `numbers` all columns but the first align right."""
    if sys.stdout.isatty():
        _print_rich(header, rows, title, numbers)
    else:
        _print_plain(header, rows, title, numbers)


def _print_rich(
    header: Sequence[str], rows: Sequence[Sequence[str]], title: str, numbers: bool
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", title_style="bold")
    for column, name in enumerate(header):
        table.add_column(name, justify="right" if numbers and column else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _print_plain(
    header: Sequence[str], rows: Sequence[Sequence[str]], title: str, numbers: bool
) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    if title:
        print(title)
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if numbers and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
