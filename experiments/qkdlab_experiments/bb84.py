"""Decoy-state BB84 with polarization states: one program per party."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkdlab.roles.needs import Needs
from qkdlab.session.experiment import Experiment
from qkdlab_experiments.parameters import Bb84Parameters

if TYPE_CHECKING:
    from qkdlab.session.experiment import PartyContext, PartyResult

__all__ = ["EXPERIMENT"]


# The programs are imported when they run: `check` needs the parameters only.


def _alice(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.bb84_alice import alice

    return alice(ctx)


def _bob(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.bb84_bob import bob

    return bob(ctx)


EXPERIMENT = Experiment(
    name="bb84",
    parameters=Bb84Parameters,
    programs={"alice": _alice, "bob": _bob},
    needs={
        "alice": Needs(
            roles={
                "transmitter": "transmitter",
                "attenuator": "Attenuator",
                "tap_meter": "PowerMeter",
            },
            records=(
                "tap_to_output_ratio",
                "meter_scale",
                "attenuator_scale",
                "modulator_extinction",
                "pattern_effect",
                "intensity_v_pi",
                "polarization_v_pi",
            ),
        ),
        "bob": Needs(
            roles={
                "compensator": "waveplate_compensator",
                "detectors": "BiasSource",
                "receiver": "receiver",
            },
            records=("efficiency_mismatch",),
        ),
    },
)
