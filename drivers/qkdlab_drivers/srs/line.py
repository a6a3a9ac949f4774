"""What the drivers of SRS instruments share: errors come by number.

Most give them one by one to ``LERR?``; the DC205 keeps the last of either kind.
"""

from __future__ import annotations

from collections.abc import Mapping

from qkdlab.transport.base import ByteTransport
from qkdlab_drivers.scpi import ScpiLine

__all__ = ["COMMAND_ERRORS", "ERRORS", "EXECUTION_ERRORS", "SG380_ERRORS", "LerrLine"]

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
"""Of ``LERR?`` of the DG645 [seen] in the manual's table."""
SG380_ERRORS = ERRORS | {
    12: "not allowed",
    13: "recall failed",
    14: "no clock option",
    15: "no doubler option",
    16: "no IQ option",
    17: "failed self-test",
    127: "illegal units",
    128: "missing units",
}
"""Of ``LERR?`` of the SG380 series [seen], a public client's table from the manual."""
EXECUTION_ERRORS = {
    1: "illegal value",
    2: "wrong token",
    3: "invalid bit",
    4: "queue full",
    5: "not compatible",
}
COMMAND_ERRORS = {
    1: "illegal command",
    2: "undefined command",
    3: "illegal query",
    4: "illegal set",
    5: "missing parameter",
    6: "extra parameter",
    7: "null parameter",
    8: "buffer overflow",
    9: "bad floating-point",
    10: "bad integer",
    11: "bad integer token",
    12: "bad token value",
    13: "bad hex block",
    14: "unknown token",
}
"""Of ``LEXE?`` and ``LCME?`` of the DC205 [seen], the maker's Python package."""
_QUEUE_LIMIT = 64
"""More errors than any of the instruments keeps."""


class LerrLine(ScpiLine):
    """A line to an instrument whose errors come by number; 0 says that none is left.

    A query that the instrument refuses stays unanswered, and ends as a timeout.

    words: what the numbers mean, by the query that gives them
    """

    def __init__(
        self,
        name: str,
        transport: ByteTransport,
        *,
        timeout_s: float,
        words: Mapping[str, Mapping[int, str]] | None = None,
    ) -> None:
        super().__init__(name, transport, timeout_s=timeout_s)
        self._words = {"LERR?": ERRORS} if words is None else words

    def _pop_errors(self) -> list[str]:
        return [error for query in self._words for error in self._pop_all(query)]

    def _pop_all(self, query: str) -> list[str]:
        errors: list[str] = []
        for _ in range(_QUEUE_LIMIT):
            code = self.ask_int(query)
            if code == 0:
                break
            errors.append(f"error {code} ({self._words[query].get(code, 'unknown')})")
        return errors
