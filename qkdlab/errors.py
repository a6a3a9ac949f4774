"""One tree of exceptions; each knows its exit code and speaks in the user's words.

The exit codes are those of the command line (README, "Exit codes"). A message
names the thing, where it stands and what to do. No message ever carries key
material, seeds or secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qkdlab.problems import Problem

__all__ = [
    "AbortCode",
    "ConfigError",
    "DeadlockError",
    "InstrumentDisconnected",
    "InstrumentError",
    "InstrumentReplyError",
    "InstrumentTimeout",
    "PeerLost",
    "PeerVersionError",
    "QkdlabError",
    "ResourceError",
    "SecurityAbort",
    "UsageError",
    "VerifyError",
]


class QkdlabError(Exception):
    """Base of every error that qkdlab raises on purpose."""

    exit_code: int = 1

    def fields(self) -> dict[str, Any]:
        """Return what a program may want to know beside the message, as JSON values."""
        return {}


class UsageError(QkdlabError):
    """A command was called wrongly."""


class ConfigError(QkdlabError):
    """A configuration is wrong.

    `problems` holds one line per problem, each
    ``file:line:column: path: message``.
    """

    def __init__(self, problems: str | Iterable[str | Problem]) -> None:
        self._found = [problems] if isinstance(problems, str) else list(problems)
        self.problems = [str(problem) for problem in self._found]
        super().__init__("\n".join(self.problems))

    def fields(self) -> dict[str, Any]:
        """Return file, line, column, path and message of each problem."""
        nowhere = dict.fromkeys(["file", "line", "column", "path"])
        return {
            "problems": [
                {**nowhere, "message": p} if isinstance(p, str) else p.as_json()
                for p in self._found
            ]
        }


class InstrumentError(QkdlabError):
    """An instrument did not do what was asked.

    The message is ``instrument: what happened; what to do``.
    """

    exit_code = 2

    def __init__(self, instrument: str, what: str, hint: str = "") -> None:
        self.instrument = instrument
        self.what = what
        self.hint = hint
        super().__init__(f"{instrument}: {what}" + (f"; {hint}" if hint else ""))

    def fields(self) -> dict[str, Any]:
        """Return the instrument's name."""
        return {"instrument": self.instrument}


class InstrumentTimeout(InstrumentError):
    """An instrument stayed silent."""


class InstrumentReplyError(InstrumentError):
    """An instrument answered something that its protocol does not allow."""


class InstrumentDisconnected(InstrumentError):
    """The line to an instrument was closed."""


class AbortCode(StrEnum):
    """Why no key was made. Stable: other programs read them (SECURITY rule 11)."""

    QBER_ABOVE_LIMIT = "qber-above-limit"
    COUNTS_OUTSIDE_LIMITS = "counts-outside-limits"
    NO_SECRET_KEY = "no-secret-key"  # noqa: S105
    CROSS_CLICKS_ABOVE_LIMIT = "cross-clicks-above-limit"
    DOUBLE_CLICKS_ABOVE_LIMIT = "double-clicks-above-limit"
    DARK_RATE_ABOVE_LIMIT = "dark-rate-above-limit"
    DETECTOR_ALARM = "detector-alarm"
    INTENSITY_OUTSIDE_INTERVAL = "intensity-outside-interval"
    EFFICIENCY_MISMATCH = "efficiency-mismatch"
    SYNC_LOST = "sync-lost"
    COVERAGE_GAP = "coverage-gap"
    POOL_EMPTY = "authentication-pool-empty"
    AUTHENTICATION_FAILED = "authentication-failed"
    VERIFICATION_FAILED = "verification-failed"
    LEDGER_MISMATCH = "ledger-mismatch"
    PEER_CONFIGURATION = "peer-configuration-differs"
    PROTOCOL_VIOLATION = "protocol-violation"
    CALIBRATION_FAILED = "calibration-failed"
    CALIBRATION_EXPIRED = "calibration-expired"
    PEER_ABORTED = "peer-aborted"


class SecurityAbort(QkdlabError):
    """A block or run ends without key. Normal, and never silent.

    `numbers` are public figures that explain the code; they never hold key bits.
    """

    exit_code = 3

    def __init__(
        self,
        code: AbortCode,
        reason: str,
        numbers: Mapping[str, float | int | str] | None = None,
    ) -> None:
        self.code = code
        self.reason = reason
        self.numbers = dict(numbers or {})
        figures = ", ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
            for k, v in self.numbers.items()
        )
        super().__init__(f"{code}: {reason}" + (f" ({figures})" if figures else ""))

    def fields(self) -> dict[str, Any]:
        """Return code, reason and numbers, as the `aborted` of a result has them."""
        return {
            "code": self.code.value,
            "reason": self.reason,
            "numbers": dict(self.numbers),
        }


class VerifyError(QkdlabError):
    """A file is not what it claims to be."""

    exit_code = 4


class ResourceError(QkdlabError):
    """The surroundings failed: disk, port, file, permission."""

    exit_code = 5


class PeerLost(QkdlabError):
    """The other party went away."""

    exit_code = 6


class PeerVersionError(QkdlabError):
    """The other party speaks another version."""

    exit_code = 6


class DeadlockError(QkdlabError):
    """Every party waits and nothing can happen; names what each waits for."""

    exit_code = 6
