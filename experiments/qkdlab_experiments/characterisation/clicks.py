"""Clicks of a running acquisition, by the input of the tagger."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.roles import TimeTagger
from qkdlab.session.experiment import PartyContext

__all__ = ["read_clicks"]

_READ_PS = 100_000_000_000
"""What is asked of the tagger at a time."""


def read_clicks(
    ctx: PartyContext[Any], duration_ps: int, n_inputs: int
) -> list[NDArray[np.int64]]:
    """Return sorted tags of each input, 0 on, in the next stretch; all go on record."""
    tagger: TimeTagger = ctx.roles["tagger"]
    tags: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    channels: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    left_ps = duration_ps
    while left_ps > 0:
        block = tagger.read(min(left_ps, _READ_PS))
        ctx.recorder.tags(block)
        left_ps -= block.t_end - block.t_begin
        tags.append(block.t)
        channels.append(block.ch)
    t, ch = np.concatenate(tags), np.concatenate(channels)
    return [t[ch == number] for number in range(n_inputs)]
