"""Printing what passes through a run shows no detector number and no setting."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel

from qkdlab.distill.cascade.state import CascadeState
from qkdlab.distill.ldpc._kernels import Workspace
from qkdlab.randomness import OperatingSystemRandomness
from qkdlab.session.recorded import RecordedBlock
from qkdlab.timetags.slots import SlotClicks, SlotCounts, SlotState
from qkdlab_experiments.acquisition import KeyBlockTags


class Parameters(BaseModel):
    """None."""


TIMES = np.array([123_456], np.int64)
SECRET = np.array([211], np.uint8)


def test_no_secret_is_shown() -> None:
    block = RecordedBlock(
        number=0,
        parameters=Parameters(),
        session=b"",
        configuration=b"",
        key_class="lab",
        facts={},
        settings=SECRET,
        tags_read=(),
        randomness=OperatingSystemRandomness(),
    )
    shown = [
        block,
        SlotState(TIMES, SECRET),
        SlotClicks(TIMES, SECRET),
        KeyBlockTags(TIMES, SECRET, SlotCounts(), 1.0),
    ]
    assert not any("211" in repr(one) for one in shown)


def test_what_reconciliation_works_with_is_not_shown() -> None:
    for kind in (CascadeState, Workspace):
        fields: list[Any] = [SECRET] * len(kind._fields)
        assert "211" not in repr(kind(*fields))
