"""The packaged bench `hom` with stubs for instruments, and what its tags say."""

from __future__ import annotations

import copy
import functools
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from world_stubs import Attenuator, Bias, ClockStub, LaserStub, Tagger

from qkdlab.calibration.measured import Measured
from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import Wiring
from qkdlab_experiments.characterisation.hbt import pulsed_coincidences
from qkdlab_experiments.interference.dip import visibility
from qkdlab_sims.bench.knobs import KnobBoard
from qkdlab_sims.bench.meeting import Meeting
from qkdlab_sims.bench.paths import laser_clock, senders
from qkdlab_sims.bench.pulse_train import PulseTrain
from qkdlab_sims.bench.sender import LaserState, Sender, diode_of, dynamics_of
from qkdlab_sims.bench.truth import TrueBench
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.bench.world import World

PERIOD_PS = 10_000
TICK_PS = 65536 * PERIOD_PS
QUICK = {"recovery_tau_ps": 1500.0, "dark_floor_hz": 0.0, "dark_i0_ua": 100.0}
"""Of both detectors: one click a pulse, and every pulse may have its click."""
SUPPLEMENTS: dict[str, dict[str, Any]] = {
    "dot": {
        "kind": "quantum_dot",
        "owner": "alice",
        "wavelength_nm": 925.0,
        "brightness": 0.4,
        "lifetime_ps": 600.0,
    },
    "diffuser": {"kind": "diffuser", "owner": "alice", "loss_db": 1.0},
}


@functools.cache
def _loaded() -> dict[str, Any]:
    text = files("qkdlab_configs").joinpath("hom.yaml").read_text()
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def hom_part(name: str) -> dict[str, Any]:
    """Return the packaged fields of a part."""
    return copy.deepcopy(_loaded()["wiring"]["parts"][name])


def hom_wiring(in_arms: dict[str, Any] | None = None, **changes: Any) -> Wiring:
    """The packaged wiring; `changes` are fields of parts, or parts with a kind.

    in_arms: a part that stands in both arms in place of the pads
    """
    data = copy.deepcopy(_loaded()["wiring"])
    for name in ("pad_a", "pad_b"):
        if in_arms is not None:
            data["parts"][name] = in_arms
    for name in ("d_1", "d_2"):
        data["parts"][name] |= QUICK
    for name, fields in changes.items():
        kept = {} if "kind" in fields else data["parts"][name]
        data["parts"][name] = kept | fields
    return Wiring.model_validate(data)


class MeetingBench:
    """Two senders under stubs."""

    def __init__(self, wiring: Wiring | None = None, seed: int = 1) -> None:
        wiring = hom_wiring() if wiring is None else wiring
        graph = Graph(wiring)
        names = senders(graph)
        self.clocks = [ClockStub(), ClockStub()]
        self.lasers = [LaserStub(), LaserStub()]
        self.attenuators = [Attenuator(), Attenuator()]
        self.tagger = Tagger()
        ways = [LightWays(graph, laser=name) for name in names]
        made = [self._sender(graph, way, i) for i, way in enumerate(ways)]
        self.delays_ps = [way.arrival_ps for way in ways[0].detectors]
        bias = Bias()
        self.world = World(
            ways[0],
            made[0],
            seed,
            {},
            KnobBoard(
                TrueBench(wiring),
                dict(
                    zip(("attenuator_a", "attenuator_b"), self.attenuators, strict=True)
                ),
                {},
                [(bias, 0), (bias, 1)],
            ),
            self.tagger,
            meeting=Meeting(ways[0], ways[1], made[1], seed),
        )

    def _sender(self, graph: Graph, ways: LightWays, which: int) -> Sender:
        source, laser = ways.source, ways.source.laser
        clock = laser_clock(graph, source.laser_name)
        train = PulseTrain(
            self.clocks[which],
            clock.former,
            source.period_ps,
            clock.delay_ps + laser.pulse_delay_ps,
            clock.part.power_dbm,
        )
        state = LaserState(
            diode_of(laser, source.period_ps),
            self.lasers[which],
            laser.pulse_current_ma,
            laser.monitor_ma_per_mw,
            source.period_ps,
            dynamics=dynamics_of(laser),
        )
        return Sender(source, train, state, {})

    def shine(self, a_db: float | None, b_db: float | None) -> None:
        """Set both attenuators, or close their shutters."""
        for attenuator, value_db in zip(self.attenuators, (a_db, b_db), strict=True):
            attenuator.is_open = value_db is not None
            attenuator.db = value_db or 0.0

    def delay(self, later_ps: float) -> None:
        """Let the second sender's pulses come so much later than the first's."""
        meeting = self.world.meeting
        assert meeting is not None
        flight_ps = meeting.ways.detectors[0].arrival_ps - self.delays_ps[0]
        degrees = (flight_ps - later_ps) / PERIOD_PS * 360.0
        self.clocks[1].set(degrees=degrees % 360.0)

    def clicks(self, n_ticks: int = 20) -> list[NDArray[np.int64]]:
        """Run on, and return what came of whole pulses, the ways' delay taken off."""
        begin_ps = -(-(self.tagger.complete_ps + 1) // TICK_PS) * TICK_PS
        end_ps = begin_ps + n_ticks * TICK_PS
        self.world.advance(end_ps + TICK_PS)
        self.world.deliver()
        found = []
        for number, delay_ps in zip((1, 2), self.delays_ps, strict=True):
            t = self.tagger.times(number) - delay_ps
            found.append(t[(t >= begin_ps + PERIOD_PS) & (t < end_ps)])
        return found

    def visibility(self, n_ticks: int = 20) -> Measured:
        """Return 1 less coincidences over those with the five pulses to either side."""
        return visibility(self.coincidences(n_ticks))

    def coincidences(self, n_ticks: int = 20) -> NDArray[np.int64]:
        """Return int64[11], pairs of clicks by the periods between."""
        one, two = self.clicks(n_ticks)
        return pulsed_coincidences(one, two, PERIOD_PS, 5, PERIOD_PS // 2 - 1)
