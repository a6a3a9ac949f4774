"""`qkdlab check`: a configuration and the wiring of its bench."""

from __future__ import annotations

from qkdlab.cli.options import Config, Json, Overrides
from qkdlab.errors import ConfigError

__all__ = ["NAME", "command"]

NAME = "check"


def command(
    config: Config,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Validate a configuration and its bench.

    Errors come as file:line:column: path: message. Nothing is switched on.
    """
    from qkdlab.cli.output import print_json
    from qkdlab.config.load import load
    from qkdlab.plugins import lookup
    from qkdlab.station.bench import BenchWithLimits
    from qkdlab.wiring import rules

    loaded = load(config, overrides=overrides or [])
    problems = rules.check(loaded)
    errors = [p for p in problems if p.severity == "error"]
    if errors:
        raise ConfigError(errors)
    bench = lookup("qkdlab.benches", loaded.bench)
    if isinstance(bench, BenchWithLimits):
        bench.check(loaded)
    counts = {
        "parties": len(loaded.parties),
        "instruments": sum(len(p.instruments) for p in loaded.parties.values()),
        "parts": len(loaded.wiring.parts),
        "cables": len(loaded.wiring.cables),
    }
    if as_json:
        warnings = [problem.as_json() for problem in problems]
        print_json({"name": loaded.name, **counts, "warnings": warnings})
        return
    for problem in problems:
        print(f"warning: {problem}")
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"{loaded.name}: {told}: sound")
