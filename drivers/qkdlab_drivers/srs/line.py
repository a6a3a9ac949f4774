"""What the drivers of SRS instruments share: errors come by number from ``LERR?``."""

from __future__ import annotations

from qkdlab_drivers.scpi import ScpiLine

__all__ = ["ERRORS", "LerrLine"]

ERRORS = {
    10: "illegal value",
    11: "illegal mode",
    12: "illegal delay",
    13: "illegal link",
    14: "recall failed",
    15: "not allowed",
    16: "failed self-test",
    17: "failed calibration",
    30: "lost data",
    32: "no listener",
    110: "illegal command",
    111: "undefined command",
    112: "illegal query",
    113: "illegal set",
    114: "null parameter",
    115: "extra parameters",
    116: "missing parameters",
    117: "parameter overflow",
    118: "invalid number",
    120: "invalid integer",
    121: "integer overflow",
    122: "invalid hexadecimal",
    126: "syntax error",
    170: "communication error",
    171: "overrun",
    254: "too many errors",
}
"""[seen] in the manual's table."""
_QUEUE_LIMIT = 64
"""More errors than any of the instruments keeps."""


class LerrLine(ScpiLine):
    """A line to an instrument whose errors come by number; 0 says that none is left.

    A query that the instrument refuses stays unanswered, and ends as a timeout.
    """

    def _pop_errors(self) -> list[str]:
        errors: list[str] = []
        for _ in range(_QUEUE_LIMIT):
            code = self.ask_int("LERR?")
            if code == 0:
                return errors
            errors.append(f"error {code} ({ERRORS.get(code, 'unknown')})")
        return errors
