"""`qkdlab sim`: the simulated instruments of a bench, for other processes."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from qkdlab.cli.options import Config, Json, Overrides, Seed

__all__ = ["NAME", "command"]

NAME = "sim"


def command(
    config: Config,
    overrides: Overrides = None,
    speed: Annotated[
        float, typer.Option(help="Seconds of the world in a second of yours.")
    ] = 1.0,
    seed: Seed = None,
    addresses: Annotated[
        Path | None,
        typer.Option(help="File for the addresses, as `alice` and `bob` read it."),
    ] = None,
    bind: Annotated[
        str, typer.Option(help="Address of this machine to listen on.")
    ] = "127.0.0.1",
    as_json: Json = False,
) -> int:
    """Serve the simulated instruments of a bench until SIGINT or SIGTERM.

    They speak as the real ones do, on TCP, pseudo terminals, RFC 2217 and ZeroMQ. What
    no party plays (an attenuator in the channel) is set as configured before addresses
    are told. When the physics cannot keep up, stderr says by how much; up to 0.25 s is
    no lag.
    """
    from qkdlab.cli.output import print_json, say, short_warnings
    from qkdlab.config.layers import Override
    from qkdlab.config.load import load
    from qkdlab.errors import ResourceError, UsageError
    from qkdlab.plugins import lookup
    from qkdlab.session.signals import Interrupted, Interrupts
    from qkdlab.session.unplayed import Unplayed

    if not 0.0 < speed <= 1000.0:
        raise UsageError("--speed: give more than 0 and at most 1000")
    if addresses is not None and not addresses.parent.is_dir():
        raise ResourceError(f"--addresses: {addresses.parent}: no such folder")
    short_warnings()
    changes: list[str | Override] = list(overrides or [])
    if seed is not None:
        changes.append(Override(f"seed={seed}", "--seed"))
    loaded = load(config, overrides=changes)
    serve = lookup("qkdlab.servers", loaded.bench)
    unplayed = Unplayed(loaded)

    def ready(devices: list[dict[str, Any]]) -> None:
        document = {"instruments": [_with_role(device) for device in devices]}
        unplayed.start(document, lambda: tell(document))

    def tell(document: dict[str, Any]) -> None:
        if addresses is not None:
            _write_whole(addresses, json.dumps(document) + "\n")
        if as_json:
            print_json(document, one_line=True)
        else:
            _print_table(document["instruments"])

    def behind(lag_s: float) -> None:
        say(f"the world is {lag_s:.3f} s behind")

    with Interrupts(b"qkdlab: stopping\n") as interrupts:

        def stop() -> bool:
            try:
                interrupts.check()
            except Interrupted:
                return True
            return unplayed.failed

        greatest_s = serve(
            loaded, loaded.seed, ready, behind, stop, speed=speed, bind=bind
        )
    unplayed.raise_error()
    say(f"greatest lag of the world: {greatest_s:.3f} s")
    return 0


def _with_role(device: dict[str, Any]) -> dict[str, Any]:
    """Return a served device with the first role of its driver, as users know it."""
    from qkdlab.plugins import driver_spec

    roles = driver_spec(device["model"]).roles
    first = {"name": device["name"], "model": device["model"]}
    return first | {"role": roles[0] if roles else None} | device


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it; raises OSError."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except OSError:
            os.unlink(file.name)
            raise


def _print_table(devices: list[dict[str, Any]]) -> None:
    for device in devices:
        users = ", ".join(device.get("users", []))
        print(device["name"], device["model"], *([f"({users})"] if users else []))
        for endpoint, ways in device["endpoints"].items():
            for kind, address in ways.items():
                if kind != "pattern":
                    print(f"  {endpoint:<9} {kind:<8} {address}")
    print("serving; SIGINT ends it", flush=True)
