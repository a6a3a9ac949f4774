"""The error for what an instrument of this model never says."""

from __future__ import annotations

from qkdlab.errors import InstrumentReplyError

__all__ = ["strange_answer"]

_MOST_CHARACTERS = 80


def strange_answer(
    name: str, question: str, answer: str | bytes
) -> InstrumentReplyError:
    """Return the error for an answer that `question` cannot have.

    name: of the instrument, as the user knows it
    """
    return InstrumentReplyError(
        name,
        f"answered {answer[:_MOST_CHARACTERS]!r} to {question}",
        "check that the address belongs to this model",
    )
