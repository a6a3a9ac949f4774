"""`qkdlab get`: ask an instrument for one value."""

from __future__ import annotations

from typing import Annotated

import typer

from qkdlab.cli.options import Attach, Config, Json, Overrides

__all__ = ["NAME", "command"]

NAME = "get"


def command(
    config: Config,
    name: Annotated[
        str,
        typer.Argument(metavar="ROLE.PARAM", help="As alice.attenuator.shutter_open"),
    ],
    attach: Attach = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Ask an instrument for one value.

    Only that instrument is opened; nothing is written, and it stays as it is.
    """
    from qkdlab.cli.by_hand import load_for_hands, parameters, shown
    from qkdlab.cli.output import print_json
    from qkdlab.station.names import parse_name

    loaded = load_for_hands(config, overrides)
    with parameters(loaded, attach, [parse_name(loaded, name)]) as ((asked,), _):
        value = asked.get()
    if as_json:
        print_json({"parameter": name, "value": value, "unit": asked.unit})
    else:
        print(shown(value, asked.unit))
