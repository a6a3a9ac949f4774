"""Put a bench together: the true wiring, simulated instruments, the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from qkdlab.clock import VirtualClock
from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import (
    Awg,
    DelayGenerator,
    Diffuser,
    IntensityModulator,
    PowerMeterPart,
    Snspd,
    Spad,
    Tagger,
    VariableAttenuator,
    VoltageSource,
    Waveplate,
)
from qkdlab.wiring.parts import Squeezer as SqueezerPart
from qkdlab_sims.bench.detectors import AlwaysOn
from qkdlab_sims.bench.draws import generator
from qkdlab_sims.bench.incidents import Incidents
from qkdlab_sims.bench.instruments import Connection, build, connections
from qkdlab_sims.bench.knobs import KnobBoard, MotorPort, squeezer_of
from qkdlab_sims.bench.meeting import Meeting
from qkdlab_sims.bench.observers import observers_of
from qkdlab_sims.bench.paths import (
    bias_source,
    find_part,
    laser_clock,
    mark_chains,
    senders,
    start_chain,
)
from qkdlab_sims.bench.ports import (
    AttenuatorPort,
    BiasPort,
    ClockPort,
    DelayPort,
    GeneratorPort,
    Instrument,
    LaserPort,
    PowerMeterPort,
    RotatorPort,
    TaggerPort,
    VoltagePort,
)
from qkdlab_sims.bench.pulse_train import PulseTrain
from qkdlab_sims.bench.refusals import refuse_detectors, refuse_harm
from qkdlab_sims.bench.sender import (
    WALK_STEP_PS,
    LaserState,
    ModulatorBias,
    Sender,
    bias_drift,
    diode_of,
    dynamics_of,
)
from qkdlab_sims.bench.source import ModulatedSource, pulse_period_ps
from qkdlab_sims.bench.start import StartEdges, StartPhase
from qkdlab_sims.bench.truth import TrueBench, draw_bench
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.bench.world import World
from qkdlab_sims.optics.power_walk import PowerWalk
from qkdlab_sims.optics.squeezer import Squeezer
from qkdlab_sims.sections import SimulationSection

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig

__all__ = ["Assembly", "assemble"]


@dataclass
class Assembly:
    """A bench that is ready to run.

    devices:     by ``party.instrument`` or ``party.bus``; likewise `instruments`
    taggers:     names of the devices that want `World.deliver` before they hear
    true:        the true values
    """

    clock: VirtualClock
    world: World
    devices: dict[str, Connection]
    instruments: dict[str, Instrument]
    taggers: frozenset[str]
    true: TrueBench


def assemble(config: RunConfig, section: SimulationSection, seed: int) -> Assembly:
    """Build everything that a configuration names.

    Raises ConfigError when the wiring names an instrument that no party has, or is no
    bench that the world can simulate.
    """
    refuse_harm(config)
    refuse_detectors(config)
    true = draw_bench(config.wiring, section.spread, seed)
    clock = VirtualClock()
    devices = connections(config, section)
    graph = Graph(true.wiring)
    given = _given_options(true, graph, section, seed, clock, devices)
    instruments = {
        name: build(connection, seed, **given.get(name, {}))
        for name, connection in devices.items()
    }
    ports = _Ports(graph, instruments, devices)
    world = _world(true, seed, ports, section)
    _connect_readings(world, ports)
    clock.world = world
    taggers = frozenset(
        ports.device_of(name, part.instrument).name
        for name, part in graph.parts_of(Tagger).items()
    )
    return Assembly(clock, world, devices, instruments, taggers, true)


class _Ports:
    """Instruments by the parts of the wiring that they are."""

    def __init__(
        self,
        graph: Graph,
        instruments: Mapping[str, Instrument],
        devices: Mapping[str, Connection],
    ) -> None:
        self.graph = graph
        self._instruments = instruments
        self._devices = devices

    def device_of(self, part: str, instrument: str) -> Connection:
        """Return the device behind a part; ConfigError when no party has it."""
        for device in self._devices.values():
            if instrument in device.users:
                return device
        raise ConfigError(
            f"wiring.parts.{part}.instrument: no party has an instrument {instrument!r}"
        )

    def port(self, part: str, instrument: str) -> Instrument:
        """Return the simulated device behind a part."""
        return self._instruments[self.device_of(part, instrument).name]

    def motor(self, part: str, instrument: str) -> MotorPort:
        """Return the motor that turns a part."""
        device = self.device_of(part, instrument)
        address = getattr(device.users[instrument].options, "address", 0)
        bus = cast(RotatorPort, self._instruments[device.name])
        return MotorPort(bus, int(address))


def _given_options(
    true: TrueBench,
    graph: Graph,
    section: SimulationSection,
    seed: int,
    clock: VirtualClock,
    devices: Mapping[str, Connection],
) -> dict[str, dict[str, Any]]:
    """Return the options by which the world makes instruments untrue, by device."""
    period_ps = pulse_period_ps(graph, senders(graph)[0])
    given: dict[str, dict[str, Any]] = {}
    for name, part in graph.wiring.parts.items():
        match part:
            case Awg():
                phase = StartPhase(
                    clock,
                    period_ps,
                    section.spread.start_phase_ps,
                    generator(seed, name, "start phase"),
                )
                given[part.instrument] = {
                    "start_phase_ps": phase,
                    "reference_present": graph.entering(name, "ref_in") is not None,
                }
            case DelayGenerator():
                reference = graph.entering(name, "timebase")
                given[part.instrument] = {"reference_present": reference is not None}
            case PowerMeterPart():
                error = true.meter_scale_error[name]
                given[part.instrument] = {"scale_error": error}
            case Tagger():
                offset_ppm = true.tagger_offset_ppm[name]
                given[part.instrument] = {"offset_ppm": offset_ppm}
            case Snspd():
                n_detectors = given.get(part.instrument, {}).get("n_detectors", 0)
                n_detectors = max(n_detectors, part.channel + 1)
                given[part.instrument] = {"n_detectors": n_detectors}
    for device in devices.values():
        if device.simulator == "thorlabs.ell14_bus":
            given[device.name] = {"accuracy_deg": section.spread.plate_accuracy_deg}
        elif device.simulator == "hp.8156a":
            error_db = section.spread.attenuator_repeatability_db
            given[device.name] = {"repeatability_db": error_db}
    return given


def _sender(
    true: TrueBench, seed: int, ports: _Ports, source: ModulatedSource
) -> Sender:
    """Return a laser and its modulators with what drives them."""
    graph = ports.graph
    laser_name, laser = source.laser_name, source.laser
    clock = laser_clock(graph, laser_name)
    period_ps = source.period_ps
    train = PulseTrain(
        cast(ClockPort, ports.port(clock.name, clock.part.instrument)),
        clock.former,
        period_ps,
        clock.delay_ps + laser.pulse_delay_ps,
        clock.part.power_dbm,
    )
    state = LaserState(
        diode_of(laser, period_ps),
        cast(LaserPort, ports.port(laser_name, laser.instrument)),
        laser.pulse_current_ma,
        laser.monitor_ma_per_mw,
        period_ps,
        PowerWalk(seed, laser_name, laser.power_walk_per_sqrt_s, WALK_STEP_PS),
        dynamics_of(laser),
    )
    biases: dict[str, ModulatorBias] = {}
    for stage in source.stages:
        name, part = stage.name, stage.part
        if not isinstance(part, IntensityModulator):
            continue
        drift = bias_drift(name, part, true.modulator_phase_rad.get(name, 0.0), seed)
        source_name = bias_source(graph, name)
        port = None
        if source_name is not None:
            instrument = graph.parts_of(VoltageSource)[source_name].instrument
            port = cast(VoltagePort, ports.port(source_name, instrument))
        biases[name] = ModulatorBias(drift, port)
    return Sender(source, train, state, biases)


def _start_edges(seed: int, ports: _Ports) -> StartEdges | None:
    chain = start_chain(ports.graph)
    if chain is None:
        return None
    unit = None
    if chain.unit is not None:
        name = chain.unit[0]
        instrument = ports.graph.parts_of(DelayGenerator)[name].instrument
        unit = cast(DelayPort, ports.port(name, instrument))
    return StartEdges(chain, seed, unit)


def _world(
    true: TrueBench, seed: int, ports: _Ports, section: SimulationSection
) -> World:
    generators = {
        name: cast(GeneratorPort, ports.port(name, part.instrument))
        for name, part in ports.graph.parts_of(Awg).items()
    }
    attenuators = {
        name: cast(AttenuatorPort, ports.port(name, part.instrument))
        for name, part in ports.graph.parts_of(VariableAttenuator).items()
    }
    motors = {
        name: ports.motor(name, part.instrument)
        for name, part in ports.graph.parts_of(Waveplate).items()
        if part.instrument is not None
    }
    lasers = senders(ports.graph)
    if len(lasers) == 1 and ports.graph.parts_of(Diffuser):
        raise ConfigError(
            "wiring.parts: the simulated world takes a diffuser where two lights meet "
            "at a beam_splitter, before it"
        )
    ways = LightWays(ports.graph, section.memory_pulses, lasers[0])
    bias = [_bias_of(way.name, way.part, ports) for way in ways.detectors]
    tagger_name, tagger = find_part(ports.graph, Tagger)
    return World(
        ways,
        _sender(true, seed, ports, ways.source),
        seed,
        generators,
        KnobBoard(true, attenuators, motors, bias, _squeezers(ports)),
        cast(TaggerPort, ports.port(tagger_name, tagger.instrument)),
        _start_edges(seed, ports),
        {
            number: StartEdges(chain, seed)
            for number, chain in mark_chains(ports.graph).items()
        },
        Incidents(section.incidents),
        _meeting(true, seed, ports, ways, lasers[1]) if len(lasers) > 1 else None,
        observers_of(ports.graph, ways, seed),
    )


def _meeting(
    true: TrueBench, seed: int, ports: _Ports, first: LightWays, laser: str
) -> Meeting:
    ways = LightWays(ports.graph, laser=laser)
    return Meeting(first, ways, _sender(true, seed, ports, ways.source), seed)


def _squeezers(ports: _Ports) -> dict[str, tuple[Squeezer, VoltagePort | None]]:
    """Return the bench's squeezers, each with what drives it."""
    found: dict[str, tuple[Squeezer, VoltagePort | None]] = {}
    sources = ports.graph.parts_of(VoltageSource)
    for name, part in ports.graph.parts_of(SqueezerPart).items():
        link = ports.graph.entering(name, "drive")
        port = None
        if link is not None:
            instrument = sources[link.source[0]].instrument
            port = cast(VoltagePort, ports.port(link.source[0], instrument))
        found[name] = squeezer_of(part), port
    return found


def _bias_of(
    name: str, part: Snspd | Spad, ports: _Ports
) -> tuple[BiasPort | AlwaysOn, int]:
    """Return the bias source of a detector, and its channel there."""
    if isinstance(part, Spad):
        return AlwaysOn(), 0
    return cast(BiasPort, ports.port(name, part.instrument)), part.channel


def _connect_readings(world: World, ports: _Ports) -> None:
    """Give meters their light and bias sources their counts and voltages."""
    for name, meter in ports.graph.parts_of(PowerMeterPart).items():
        if name in world.ways.meters:
            port = cast(PowerMeterPort, ports.port(name, meter.instrument))
            port.light = _power_of(world, name)
            world.past.watchers[name] = port
    banks: dict[str, dict[int, int]] = {}
    for index, way in enumerate(world.ways.detectors):
        if isinstance(way.part, Spad):
            continue
        banks.setdefault(way.part.instrument, {})[way.part.channel] = index
    for instrument, index_of in banks.items():
        bank = cast(BiasPort, ports.port(instrument, instrument))
        places = [index_of.get(c) for c in range(len(bank.bias_ua()))]
        bank.counts = _per_channel(world.counts, places)
        bank.voltages_mv = _per_channel(world.voltages_mv, places)
        world.past.counters.append(bank)


def _power_of(world: World, meter: str) -> Callable[[int, int, float], float]:
    return lambda t0_ps, t1_ps, lag_ps: world.power_w(meter, t0_ps, t1_ps, lag_ps)


N = TypeVar("N", int, float)


def _per_channel(
    ask: Callable[[int], Sequence[N]], places: Sequence[int | None]
) -> Callable[[int], list[N]]:
    """Return values by channel; channels without a detector give zero."""

    def answer(t_ps: int) -> list[N]:
        values = ask(t_ps)
        nothing = type(values[0])(0)
        return [nothing if at is None else values[at] for at in places]

    return answer
