"""`qkdlab set`: set one value of an instrument, and ask it back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from qkdlab.cli.by_hand import NEGATIVE_NUMBERS
from qkdlab.cli.options import Attach, Config, Json, Overrides

__all__ = ["CONTEXT", "NAME", "command"]

NAME = "set"
CONTEXT = NEGATIVE_NUMBERS


def command(
    config: Config,
    name: Annotated[
        str,
        typer.Argument(metavar="ROLE.PARAM", help="As alice.attenuator.attenuation_db"),
    ],
    value: Annotated[
        str, typer.Argument(help="A number, on, off, a word, or a list: 22,22,0,0.")
    ],
    attach: Attach = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Set one value of an instrument; print what the instrument then says.

    The value is checked before anything is sent. Only that instrument is opened, and
    it stays as it was set.
    """
    from qkdlab.cli.by_hand import load_for_hands, parameters, shown
    from qkdlab.cli.output import print_json
    from qkdlab.errors import InstrumentError
    from qkdlab.station.names import parse_name

    loaded = load_for_hands(config, overrides)
    with parameters(loaded, attach, [parse_name(loaded, name)]) as ((knob,), _):
        wanted = knob.parse(value)
        knob.set(wanted)
        answer: Any = wanted if knob.read is None else knob.get()
    if isinstance(wanted, bool | str) and answer != wanted:
        raise InstrumentError(
            name, f"says {shown(answer)} after it was set to {shown(wanted)}"
        )
    if as_json:
        print_json({"parameter": name, "value": answer, "unit": knob.unit})
    else:
        print(shown(answer, knob.unit))
