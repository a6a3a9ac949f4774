"""Decoy-state BB84 with polarization states: one program per party."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkdlab.roles.needs import Needs
from qkdlab.session.experiment import Experiment
from qkdlab_experiments.calibration.sequence import STEPS
from qkdlab_experiments.parameters import Bb84Parameters

if TYPE_CHECKING:
    from qkdlab.session.exchange import Side
    from qkdlab.session.experiment import PartyContext, PartyResult
    from qkdlab.session.recorded import RecordedBlock

__all__ = ["EXPERIMENT"]


# The programs are imported when they run: `check` needs the parameters only.


def _alice(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.bb84_alice import alice

    return alice(ctx)


def _bob(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.bb84_bob import bob

    return bob(ctx)


def _replay_alice(block: RecordedBlock) -> Side:
    from qkdlab_experiments.replay import replay_alice

    return replay_alice(block)


def _replay_bob(block: RecordedBlock) -> Side:
    from qkdlab_experiments.replay import replay_bob

    return replay_bob(block)


EXPERIMENT = Experiment(
    name="bb84",
    parameters=Bb84Parameters,
    programs={"alice": _alice, "bob": _bob},
    replays={"alice": _replay_alice, "bob": _replay_bob},
    steps=STEPS,
    needs={
        "alice": Needs(
            roles={
                "transmitter": "transmitter",
                "attenuator": "Attenuator",
                "tap_meter": "PowerMeter",
                "clock": "ClockSource",
                "laser": "LaserDriver",
                "modulator_bias": "VoltageSource",
                "sync_delay": "DelayGenerator",
            },
            records=(
                "tap_to_output_ratio",
                "meter_scale",
                "attenuator_scale",
                "pattern_effect",
                "state_effect",
            ),
        ),
        "bob": Needs(
            roles={
                "compensator": "waveplate_compensator",
                "detectors": "BiasSource",
                "receiver": "receiver",
            },
        ),
    },
)
