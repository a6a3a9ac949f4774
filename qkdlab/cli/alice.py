"""`qkdlab alice`: Alice's party of an experiment, in a process of its own."""

from __future__ import annotations

from qkdlab.cli import one_party as one

__all__ = ["NAME", "command"]

NAME = "alice"


def command(
    config: one.Config,
    attach: one.Attach = None,
    listen: one.Listen = None,
    connect: one.Connect = None,
    secret: one.Secret = None,
    overrides: one.Overrides = None,
    duration: one.Duration = None,
    wait: one.Wait = None,
    patience: one.Patience = None,
    output: one.Output = None,
    as_json: one.Json = False,
    quiet: one.Quiet = False,
) -> int:
    """Play Alice, who prepares the light; Bob runs elsewhere.

    One of the two listens, the other connects. Each opens its own station only. All
    files of Alice go to a new folder.
    """
    return one.play(
        NAME,
        config,
        attach=attach,
        listen=listen,
        connect=connect,
        secret=secret,
        overrides=overrides,
        duration=duration,
        wait=wait,
        patience=patience,
        output=output,
        as_json=as_json,
        quiet=quiet,
    )
