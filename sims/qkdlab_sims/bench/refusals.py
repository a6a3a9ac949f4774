"""What is refused of a bench before any of it is made, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qkdlab.errors import ConfigError
from qkdlab.problems import KeyPath, Problem
from qkdlab.wiring.parts import Snspd, Spad
from qkdlab.wiring.rules_detectors import damage
from qkdlab.wiring.view import BenchView
from qkdlab_sims.bench.detectors import diode_of, wire_of

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig

__all__ = ["placed", "refuse_detectors", "refuse_harm"]


def refuse_harm(config: RunConfig) -> None:
    """Raise ConfigError where a detector may meet more light than it survives."""
    problems = list(damage(BenchView(config)))
    if problems:
        raise ConfigError(problems)


def refuse_detectors(config: RunConfig) -> None:
    """Raise ConfigError for detectors that cannot be at their working point."""
    problems = []
    for name, part in config.wiring.parts.items():
        if not isinstance(part, Snspd | Spad):
            continue
        try:
            if isinstance(part, Snspd):
                wire_of(part)
            else:
                diode_of(part)
        except ValueError as error:
            path: KeyPath = ("wiring", "parts", name)
            message = f"{error}{_cause(part)}"
            problems.append(Problem(config.where(path), path, message))
    if problems:
        raise ConfigError(problems)


def _cause(part: Snspd | Spad) -> str:
    """Say what led a detector away from the figures of its label, and what to do."""
    if isinstance(part, Spad) and part.bias_v is not None:
        over_v = part.bias_v - part.breakdown_here_v
        return (
            f" at bias_v {part.bias_v:g} V, {over_v:.3g} V above breakdown; its label "
            f"holds at {part.rated_excess_v:g} V above: lower bias_v"
        )
    if part.temperature_k is not None:
        return (
            f" at temperature_k {part.temperature_k:g} K; its label holds at rated_k "
            f"{part.rated_k:g} K: come nearer to it"
        )
    return ""


def placed(config: RunConfig, error: ConfigError) -> ConfigError:
    """Give refusals that begin with a path of the configuration their place there."""
    found: list[str | Problem] = []
    for problem in error.fields()["problems"]:
        if problem["path"] is not None:
            return error
        place, colon, message = str(problem["message"]).partition(": ")
        path: KeyPath = tuple(place.split("."))
        is_path = colon and path[0] in ("parameters", "simulation", "wiring")
        whole = problem["message"]
        found.append(Problem(config.where(path), path, message) if is_path else whole)
    return ConfigError(found)
