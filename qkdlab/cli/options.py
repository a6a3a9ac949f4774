"""Arguments and options that several commands have: one name, one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Attach",
    "Config",
    "Duration",
    "Json",
    "Overrides",
    "Quiet",
    "Seed",
]

Config = Annotated[
    str, typer.Argument(help="Configuration: a file, or a packaged name (bb84).")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Change one value; repeatable."),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Seed of the simulated bench [the configuration's]."),
]
Duration = Annotated[float | None, typer.Option(help="Link time in seconds.")]
Attach = Annotated[
    Path | None, typer.Option(help="Addresses file that `qkdlab sim` wrote.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
