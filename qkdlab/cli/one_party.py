"""What `qkdlab alice` and `qkdlab bob` share: their options, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qkdlab.cli.options import Attach, Config, Duration, Json, Overrides, Quiet

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.session.meeting import Meeting
    from qkdlab.station.bench import Bench

__all__ = ["command_of"]

Listen = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Wait there for the other party."),
]
Connect = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where the other party listens.")
]
Secret = Annotated[
    Path | None, typer.Option(help="File of the pre-shared secret (qkdlab secret).")
]
Identity = Annotated[
    Path | None,
    typer.Option(help="First contact: file of this party's identity."),
]
Trust = Annotated[
    Path | None,
    typer.Option(help="First contact: public key of the other party."),
]
NewSecret = Annotated[
    Path | None,
    typer.Option(help="New file: the run's keys, as the secret of later runs."),
]
Wait = Annotated[
    float | None,
    typer.Option(help="Seconds to wait for the other party to be there [600]."),
]
Patience = Annotated[
    float | None,
    typer.Option(help="Seconds without a sign of life of the other party [30]."),
]
Output = Annotated[
    Path | None,
    typer.Option(help="New folder for the party's files [runs/CONFIG-TIME-PARTY]."),
]


def command_of(party: str, told: str) -> Callable[..., int]:
    """Return the command that plays `party`; `told` is its help."""

    def command(
        config: Config,
        attach: Attach = None,
        listen: Listen = None,
        connect: Connect = None,
        secret: Secret = None,
        identity: Identity = None,
        trust: Trust = None,
        new_secret: NewSecret = None,
        overrides: Overrides = None,
        duration: Duration = None,
        wait: Wait = None,
        patience: Patience = None,
        output: Output = None,
        as_json: Json = False,
        quiet: Quiet = False,
    ) -> int:
        return _play(
            party,
            config,
            attach=attach,
            listen=listen,
            connect=connect,
            files=(secret, identity, trust, new_secret),
            overrides=overrides,
            duration=duration,
            wait=wait,
            patience=patience,
            output=output,
            as_json=as_json,
            quiet=quiet,
        )

    command.__doc__ = told
    return command


def _play(
    party: str,
    config: str,
    *,
    attach: Path | None,
    listen: str | None,
    connect: str | None,
    files: tuple[Path | None, Path | None, Path | None, Path | None],
    overrides: list[str] | None,
    duration: float | None,
    wait: float | None,
    patience: float | None,
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Play one party to the end; return the exit code.

    files: those of `Credentials`, in their order
    """
    from qkdlab.cli.output import print_json, say, short_warnings
    from qkdlab.cli.progress import progress
    from qkdlab.cli.summary import print_summary
    from qkdlab.config.layers import Override
    from qkdlab.config.load import load
    from qkdlab.session.credentials import Credentials
    from qkdlab.session.one import play_one

    short_warnings()
    changes: list[str | Override] = list(overrides or [])
    if duration is not None:
        changes.append(Override(f"parameters.duration_s={duration!r}", "--duration"))
    meeting = _meeting(listen, connect, wait, patience)
    loaded = load(config, overrides=changes)
    bench = _bench(loaded, config, attach)
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = output or Path("runs") / f"{loaded.name}-{time}-{party}"
    credentials = Credentials(*files)
    if credentials.is_nothing:
        say("warning: no --secret: messages are protected from accidents only")
    with progress(quiet=quiet) as report:
        outcome = play_one(
            loaded, party, bench, folder, meeting, report, credentials=credentials
        )
    if as_json:
        print_json(outcome.result)
    else:
        print_summary(outcome.result)
    if outcome.error is not None:
        say(str(outcome.error), *getattr(outcome.error, "__notes__", []))
    return outcome.exit_code


def _meeting(
    listen: str | None, connect: str | None, wait: float | None, patience: float | None
) -> Meeting:
    from qkdlab.errors import UsageError
    from qkdlab.link.tcp import DEFAULT_PATIENCE_S
    from qkdlab.link.tcp_open import DEFAULT_WAIT_S, PeerAddress
    from qkdlab.session.meeting import Meeting

    given = [address for address in (listen, connect) if address is not None]
    if len(given) != 1:
        raise UsageError(
            "give --listen HOST:PORT at one party and --connect HOST:PORT at the other"
        )
    wait_s = DEFAULT_WAIT_S if wait is None else wait
    patience_s = DEFAULT_PATIENCE_S if patience is None else patience
    if not (wait_s > 0 and patience_s > 0):
        raise UsageError("--wait and --patience are more than 0 seconds")
    return Meeting(PeerAddress.parse(given[0]), listen is not None, wait_s, patience_s)


def _bench(config: RunConfig, name: str, attach: Path | None) -> Bench:
    from qkdlab.errors import ConfigError
    from qkdlab.station.attached import attach as attached
    from qkdlab.station.bench import open_real_bench

    if attach is not None:
        return attached(attach)
    if config.bench != "real":
        raise ConfigError(
            f"{config.source}: bench: it is simulated: start 'qkdlab sim {name} "
            "--addresses FILE' and give --attach FILE"
        )
    return open_real_bench(config)
