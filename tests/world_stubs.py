"""Instruments with plain knobs, to test the world without any protocol."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import IntensityModulator, Spad, Squeezer, Wiring
from qkdlab_sims.bench.detectors import AlwaysOn
from qkdlab_sims.bench.knobs import KnobBoard, MotorPort, squeezer_of
from qkdlab_sims.bench.paths import laser_clock, start_chain
from qkdlab_sims.bench.pulse_train import PulseTrain
from qkdlab_sims.bench.sender import (
    LaserState,
    ModulatorBias,
    Sender,
    bias_drift,
    diode_of,
    dynamics_of,
)
from qkdlab_sims.bench.source import ModulatedSource
from qkdlab_sims.bench.start import StartEdges
from qkdlab_sims.bench.truth import TrueBench
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.bench.world import World

TICK_PS = 655_360_000


UNPOLARIZED = {
    "pad": {"pdl_db": 0.0},
    "attenuator": {"pdl_db": 0.0},
    "pm": {"residual_am": 0.0},
}
"""Parts of the sender that treat all polarizations alike."""


def packaged_bench() -> dict[str, Any]:
    """The reference bench as plain data."""
    return copy.deepcopy(_loaded_bench())


@functools.cache
def _loaded_bench() -> dict[str, Any]:
    text = files("qkdlab_configs").joinpath("bb84.yaml").read_text()
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def packaged_wiring(**changes: dict[str, Any]) -> Wiring:
    """The reference wiring; `changes` are fields of parts, or parts with a kind.

    ports: new names of ports, as ``part.port``
    """
    data = packaged_bench()["wiring"]
    renamed = changes.pop("ports", {})
    for cable in data["cables"]:
        for end in ("from", "to"):
            cable[end] = renamed.get(cable[end], cable[end])
    for name, fields in changes.items():
        kept = {} if "kind" in fields else data["parts"][name]
        data["parts"][name] = kept | fields
    return Wiring.model_validate(data)


@dataclass
class Output:
    enabled: bool = False
    arbitrary: bool = True
    volts: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    sample_rate_hz: float = 1e9
    filter: str = "STEP"
    start_ps: int = 0


class Generator:
    """Two channels that are set as arrays of volts, ten samples a symbol."""

    def __init__(self) -> None:
        self.on_change: Callable[[int], None] | None = None
        self.sync_source = 1
        self.outputs = {1: Output(), 2: Output()}

    def output(self, channel: int) -> Output:
        return self.outputs[channel]

    def sync_period_ps(self) -> int | None:
        out = self.outputs[1]
        return 1000 * len(out.volts) if out.enabled else None

    def play(
        self,
        intensity_v: Sequence[float],
        phase_v: Sequence[float],
        start_ps: int = 0,
    ) -> None:
        for channel, levels in ((1, intensity_v), (2, phase_v)):
            volts = np.repeat(np.asarray(levels, float), 10)
            self.outputs[channel] = Output(True, True, volts, start_ps=start_ps)
        if self.on_change is not None:
            self.on_change(0)

    def rest(self) -> None:
        self.outputs = {1: Output(), 2: Output()}
        if self.on_change is not None:
            self.on_change(0)


@dataclass
class Attenuator:
    db: float = 0.0
    is_open: bool = True

    def attenuation_db(self, now_ps: int) -> float:
        return self.db

    def shutter_open(self, now_ps: int) -> bool:
        return self.is_open


@dataclass
class Motors:
    angles_deg: dict[int, float] = field(default_factory=lambda: {0: 0, 1: 0, 2: 0})

    def angle_deg(self, address: int, now_ps: int) -> float:
        return self.angles_deg[address]


@dataclass
class Bias:
    currents_ua: list[float] = field(default_factory=lambda: [22.0] * 4)
    counts: Any = None
    voltages_mv: Any = None

    def bias_ua(self) -> list[float]:
        return list(self.currents_ua)


@dataclass
class Told:
    """An instrument that tells the world what it was told."""

    on_change: Callable[[int], None] | None = None

    def set(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)
        if self.on_change is not None:
            self.on_change(0)


@dataclass
class ClockStub(Told):
    hz: float = 100e6
    degrees: float = 0.0
    dbm: float = 13.0
    is_on: bool = True

    def frequency_hz(self) -> float:
        return self.hz

    def phase_deg(self) -> float:
        return self.degrees

    def power_dbm(self) -> float:
        return self.dbm

    def output_on(self) -> bool:
        return self.is_on


@dataclass
class LaserStub(Told):
    ma: float = 10.0
    ohm: float = 10_000.0
    photodiode_ma: Any = None

    def current_ma(self, now_ps: int) -> float:
        return self.ma

    def thermistor_ohm(self, now_ps: int) -> float:
        return self.ohm


@dataclass
class VoltageStub(Told):
    volts: float = 0.0

    def voltage_v(self, now_ps: int) -> float:
        return self.volts


@dataclass
class PulseStub:
    delay_ps: int = 85_000
    width_ps: int = 100_000
    amplitude_v: float = 1.0
    offset_v: float = 0.0
    positive: bool = True


@dataclass
class DelayStub(Told):
    ab: PulseStub = field(default_factory=PulseStub)
    source: str = "external rising"
    threshold_v: float = 1.0
    jitter_rms_ps: float = 20.0
    trigger_rate: Any = None

    def pulse(self, output: str) -> PulseStub:
        assert output == "AB"
        return self.ab

    def trigger_source(self) -> str:
        return self.source

    def trigger_threshold_v(self) -> float:
        return self.threshold_v


class Tagger:
    """Keeps what is pushed and checks the promises of the world."""

    def __init__(self) -> None:
        self.is_recording = True
        self.start_height_v = 0.0
        self.jitter_rms_ps = 10.0
        self.clicks: dict[int, list[NDArray[np.int64]]] = {}
        self.starts: list[NDArray[np.int64]] = []
        self.complete_ps = 0

    def push(self, input_index: int, t_ps: NDArray[np.int64]) -> None:
        assert t_ps[0] >= self.complete_ps
        assert np.all(np.diff(t_ps) >= 0)
        self.clicks.setdefault(input_index, []).append(t_ps)

    def push_start(self, t_ps: NDArray[np.int64]) -> None:
        assert t_ps[0] >= self.complete_ps
        self.starts.append(t_ps)

    def advance(self, t_ps: int) -> None:
        assert t_ps >= self.complete_ps
        for pieces in (self.starts, *self.clicks.values()):
            assert not pieces or pieces[-1][-1] < t_ps
        self.complete_ps = t_ps

    def recording(self) -> bool:
        return self.is_recording

    def times(self, input_index: int) -> NDArray[np.int64]:
        pieces = self.clicks.get(input_index, [])
        return np.concatenate([np.empty(0, np.int64), *pieces])

    def start_times(self) -> NDArray[np.int64]:
        return np.concatenate([np.empty(0, np.int64), *self.starts])


class StubBench:
    """The reference bench with stubs for instruments, no spread and no drift."""

    def __init__(
        self,
        seed: int = 1,
        modulator_phase_rad: float = 0.0,
        memory_pulses: int = 0,
        **changes: dict[str, Any],
    ) -> None:
        fixed: dict[str, dict[str, Any]] = {
            "fibre": {"drift_rad_per_sqrt_s": 0.0},
            "mzm": {"walk_rad_per_sqrt_s": 0.0},
        }
        wiring = packaged_wiring(**(fixed | changes))
        self.modulator_phase_rad = modulator_phase_rad
        self.generator = Generator()
        self.attenuator = Attenuator()
        self.motors = Motors()
        self.bias = Bias()
        self.tagger = Tagger()
        self.clock = ClockStub()
        self.laser = LaserStub()
        self.modulator_bias = VoltageStub()
        self.squeezer = VoltageStub()
        self.delay = DelayStub()
        self.line_attenuator = Attenuator(db=2.0)
        self.true = TrueBench(wiring)
        graph = Graph(wiring)
        ways = LightWays(graph, memory_pulses)
        plates = ("qwp1", "hwp", "qwp2")
        chain = start_chain(graph)
        assert chain is not None
        self.world = World(
            ways,
            self.sender(graph, ways.source, seed),
            seed,
            {"awg": self.generator},
            KnobBoard(
                self.true,
                {
                    "attenuator": self.attenuator,
                    "line_attenuator": self.line_attenuator,
                },
                {name: MotorPort(self.motors, i) for i, name in enumerate(plates)},
                [
                    (AlwaysOn(), 0)
                    if isinstance(way.part, Spad)
                    else (self.bias, way.part.channel)
                    for way in ways.detectors
                ],
                {
                    name: (squeezer_of(part), self.squeezer)
                    for name, part in graph.parts_of(Squeezer).items()
                },
            ),
            self.tagger,
            StartEdges(chain, seed, self.delay),
        )

    def sender(self, graph: Graph, source: ModulatedSource, seed: int) -> Sender:
        """Return laser and modulators under the stubs."""
        clock, laser = laser_clock(graph), source.laser
        modulator = graph.parts_of(IntensityModulator)["mzm"]
        return Sender(
            source,
            PulseTrain(
                self.clock,
                clock.former,
                source.period_ps,
                laser.pulse_delay_ps,
                clock.part.power_dbm,
            ),
            LaserState(
                diode_of(laser, source.period_ps),
                self.laser,
                laser.pulse_current_ma,
                laser.monitor_ma_per_mw,
                source.period_ps,
                dynamics=dynamics_of(laser),
            ),
            {
                "mzm": ModulatorBias(
                    bias_drift("mzm", modulator, self.modulator_phase_rad, seed),
                    self.modulator_bias,
                )
            },
        )

    def run(self, t_ps: int) -> None:
        """Run on to `t_ps` and give the tagger what it is due."""
        self.world.advance(t_ps)
        self.world.deliver()

    def rates_hz(self, duration_s: float) -> NDArray[np.float64]:
        """Run on and return the rate at each tagger input."""
        before = [len(self.tagger.times(i)) for i in (1, 2, 3, 4)]
        now_ps = self.tagger.complete_ps
        self.run(now_ps + round(duration_s * 1e12))
        after = [len(self.tagger.times(i)) for i in (1, 2, 3, 4)]
        return np.subtract(after, before) / duration_s
