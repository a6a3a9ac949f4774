"""`qkdlab safe`: bring a bench to its safe state."""

from __future__ import annotations

from typing import Annotated

import typer

from qkdlab.cli.options import Attach, Config, Json, Overrides

__all__ = ["NAME", "command"]

NAME = "safe"


def command(
    config: Config,
    parties: Annotated[
        list[str] | None,
        typer.Option("--party", help="Only this party's instruments; repeatable."),
    ] = None,
    attach: Attach = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Bring all instruments to their safe state, light first.

    Order: attenuators and shutters, pattern generators and sines of clocks, lasers,
    voltage sources, detector bias, taggers. Coolers and references stay on. One that
    fails hinders no other.
    """
    from qkdlab.cli.by_hand import load_for_hands
    from qkdlab.cli.output import print_json, say
    from qkdlab.errors import InstrumentError
    from qkdlab.session.signals import Interrupts
    from qkdlab.station.hands import bench_of
    from qkdlab.station.names import unknown
    from qkdlab.station.safe import make_bench_safe

    loaded = load_for_hands(config, overrides)
    for party in parties or ():
        if party not in loaded.parties:
            raise unknown("--party", "party", party, loaded.parties)
    chosen = [p for p in loaded.parties if not parties or p in parties]
    with (
        Interrupts(b"qkdlab: stopping once the bench is safe\n"),
        bench_of(loaded, attach) as bench,
    ):
        reports = make_bench_safe(loaded, bench, chosen, lambda what, done, total: None)
    if as_json:
        listed = [{"instrument": r.name, "problem": r.problem} for r in reports]
        print_json(
            {"safe": all(r.problem is None for r in reports), "instruments": listed}
        )
    else:
        for report in reports:
            print(f"{report.name}: {'safe' if report.problem is None else 'NOT SAFE'}")
    failed = [report for report in reports if report.problem is not None]
    for report in failed:
        say(f"{report.name}: not safe: {report.problem}")
    return InstrumentError.exit_code if failed else 0
