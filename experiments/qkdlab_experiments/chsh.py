"""Entangled pairs before two analysers: the inequality of CHSH."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from qkdlab.roles.needs import Needs
from qkdlab.session.experiment import Experiment
from qkdlab_experiments.photon_statistics import PumpParameters

if TYPE_CHECKING:
    from qkdlab.session.experiment import PartyContext, PartyResult

__all__ = ["CHSH", "ChshParameters"]


class ChshParameters(PumpParameters):
    """How long is counted, and what the source's label says."""

    duration_s: float = Field(default=0.5, gt=0, le=1e5)
    """Of counting at each of the four settings."""
    fringe_s: float = Field(default=0.05, gt=0, le=600)
    """Of counting at each angle by which the plates' zeros are found."""
    fringe_points: int = Field(default=8, ge=4, le=1000)
    """Angles of Bob's analyser, evenly over half a turn."""
    source_visibility: float = Field(default=1.0, ge=0, le=1)
    """Of the pairs' state, by its label: what the results are compared with."""


# The programs are imported when they run: `check` needs the parameters only.


def _send(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.entanglement.programs import send

    return send(ctx)


def _count(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.entanglement.programs import count

    return count(ctx)


CHSH = Experiment(
    name="chsh",
    parameters=ChshParameters,
    programs={"alice": _send, "bob": _count},
    needs={
        "alice": Needs(
            roles={"clock": "ClockSource", "laser": "LaserDriver", "plate": "Rotator"}
        ),
        "bob": Needs(
            roles={
                "tagger": "TimeTagger",
                "detectors": "BiasSource",
                "plate": "Rotator",
            }
        ),
    },
)
