"""`run`: all parties of an experiment in one process (MAP, sequence 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qkdlab.errors import QkdlabError
from qkdlab.session.result import audit, build_result, write_result
from qkdlab.session.together import performed

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report

__all__ = ["Outcome", "run"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    result: the result of README, "Result of a run"
    error:  an abort or a failed audit; None when all went well
    """

    result: dict[str, Any]
    error: QkdlabError | None

    @property
    def exit_code(self) -> int:
        """The exit code of the command line."""
        return 0 if self.error is None else self.error.exit_code


def run(config: RunConfig, folder: Path, progress: Report) -> Outcome:
    """Run an experiment; write everything to the new folder `folder`.

    To end without key is an outcome, too. Raises ConfigError, InstrumentError,
    ResourceError, PeerLost and Interrupted; whatever happens, instruments are made
    safe and files finished.
    """
    with performed(config, folder, progress) as performance:
        outcomes = performance.outcomes()
        aborted = performance.aborted
        result = build_result(outcomes, performance.facts, aborted)
        performance.record("run", result)
        failed = aborted or audit(outcomes)
    write_result(folder, result)
    return Outcome(result, failed)
