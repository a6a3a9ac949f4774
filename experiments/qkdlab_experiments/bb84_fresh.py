"""BB84 with a fresh setting for every pulse; the programs are those of `bb84`.

Calibration uses public patterns; a key block has a key of its own for the generator.
"""

from __future__ import annotations

from dataclasses import replace

from qkdlab_experiments.bb84 import EXPERIMENT as BB84
from qkdlab_experiments.fresh_parameters import FreshBb84Parameters

__all__ = ["EXPERIMENT"]

_ALICE = BB84.needs["alice"]

EXPERIMENT = replace(
    BB84,
    name="bb84_fresh",
    parameters=FreshBb84Parameters,
    needs={
        **BB84.needs,
        "alice": replace(
            _ALICE, roles={**_ALICE.roles, "transmitter": "fresh_transmitter"}
        ),
    },
)
