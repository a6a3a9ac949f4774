"""BB84 with a receiver that chooses: Bob's own modulator, one splitter, two detectors.

Fresh settings for every pulse on both sides; the programs are those of `bb84`.
"""

from __future__ import annotations

from dataclasses import replace

from qkdlab_experiments.active_parameters import ActiveBb84Parameters
from qkdlab_experiments.bb84_fresh import EXPERIMENT as FRESH
from qkdlab_experiments.calibration.sequence import ACTIVE_STEPS

__all__ = ["EXPERIMENT"]

_BOB = FRESH.needs["bob"]

EXPERIMENT = replace(
    FRESH,
    name="bb84_active",
    parameters=ActiveBb84Parameters,
    steps=ACTIVE_STEPS,
    needs={
        **FRESH.needs,
        "bob": replace(
            _BOB,
            roles={
                **_BOB.roles,
                "receiver": "active_receiver",
                "basis_modulator": "basis_modulator",
            },
        ),
    },
)
