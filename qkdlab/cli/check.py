"""`qkdlab check`: a configuration and the wiring of its bench."""

from __future__ import annotations

from qkdlab.cli.options import Config, Overrides
from qkdlab.errors import ConfigError

__all__ = ["NAME", "command"]

NAME = "check"


def command(
    config: Config,
    overrides: Overrides = None,
) -> None:
    """Validate a configuration and its bench.

    Errors come as file:line:column: path: message. Nothing is switched on.
    """
    from qkdlab.config.load import load
    from qkdlab.wiring import rules

    loaded = load(config, overrides=overrides or [])
    problems = rules.check(loaded)
    errors = [str(p) for p in problems if p.severity == "error"]
    if errors:
        raise ConfigError(errors)
    for problem in problems:
        print(f"warning: {problem}")
    instruments = sum(len(p.instruments) for p in loaded.parties.values())
    print(
        f"{loaded.name}: {len(loaded.parties)} parties, {instruments} instruments, "
        f"{len(loaded.wiring.parts)} parts, {len(loaded.wiring.cables)} cables: sound"
    )
