"""The seeded world: everything physical between the instruments.

Time runs in ticks of 2^16 pulses. Waveforms and bias are read when the first click of
a tick may come and hold until the next: at the tick's beginning, or nanoseconds before
where light is sooner at the detectors than jitter is wide; what moves in time, at the
first of up to `knobs.KNOB_STEP_PS`. Ticks in which nothing moves are taken together:
instruments are told things between two calls of `advance` only, and what then moves by
itself goes one way: what stands the same at both ends of a stretch has not moved.

The world never runs ahead of the clock: at time t it knows the knobs of every tick that
may give a click before t. Clicks are drawn when somebody wants them (a tagger that is
spoken to or about to speak, a question for counts) or after 0.1 s, and none depends on
when: random numbers are keyed by their tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S
from qkdlab_sims.bench.channel import ChannelEffects
from qkdlab_sims.bench.detection import Conditions, Detection
from qkdlab_sims.bench.detectors import detector_bank
from qkdlab_sims.bench.fibre_steps import drift_of
from qkdlab_sims.bench.fresh_settings import FreshRun, fresh_run
from qkdlab_sims.bench.incidents import Incidents
from qkdlab_sims.bench.knobs import KNOB_STEP_PS, KnobBoard, Knobs
from qkdlab_sims.bench.meeting import Meeting
from qkdlab_sims.bench.observers import Observers
from qkdlab_sims.bench.past import Past
from qkdlab_sims.bench.ports import GeneratorPort, TaggerPort
from qkdlab_sims.bench.receiver_modulator import turned
from qkdlab_sims.bench.sender import Sender, SenderState
from qkdlab_sims.bench.start import StartEdges
from qkdlab_sims.bench.transfer import Turning
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorState
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.source import photon_energy_j

__all__ = ["LONGEST_WAIT_PS", "Moment", "World"]

_LONGEST_STRIDE = 1 << 12
LONGEST_WAIT_PS = PS_PER_S // 10
"""A tagger that nobody looks at gets its pulses in portions of this length."""


class _Made(NamedTuple):
    """What senders, and a receiver's modulator, make in one tick; see `Moment`."""

    light: Light
    modulation: Light | None
    other: Light | None


@dataclass(frozen=True, eq=False)
class Moment:
    """The world in one tick, for whoever may know the truth."""

    tick: int
    knobs: Knobs
    turning: Turning
    light: Light
    """As it leaves the sender's modulators."""
    modulation: Light | None
    """What the receiver's own modulator makes of D, if there is one."""
    conditions: Conditions
    effective_bias_ua: tuple[float, ...]
    """By detector, 0 where the wire has latched."""
    sent: SenderState
    eve_acts: bool = False
    other: Light | None = None
    """As it leaves the second sender, where two lights meet."""

    def has_pattern(self) -> bool:
        """Return whether light that carries a pattern leaves the sender."""
        light = self.light
        is_open = all(t > 0.0 for t in self.turning.transmission.values())
        has_pulses = light.pulse_share > 0.0 and bool(np.any(light.matrix))
        return is_open and has_pulses and light.n_contexts > 1


@dataclass
class World:
    """Lasers, modulators, channel and detectors; a `qkdlab.clock.World`.

    ways:       of the light through the true bench
    sender:     makes the light
    generators: by part
    knobs:      everything that instruments move behind the modulators
    tagger:     with its START edges, when there is one
    marks:      edges that generators give to other inputs of the tagger, by input
    meeting:    with the light of a second sender, if there is one
    observers:  of what the detectors' avalanches send back, if there are any
    """

    ways: LightWays
    sender: Sender
    seed: int = field(repr=False)
    generators: Mapping[str, GeneratorPort]
    knobs: KnobBoard
    tagger: TaggerPort | None = None
    start: StartEdges | None = None
    marks: Mapping[int, StartEdges] = field(default_factory=dict)
    incidents: Incidents = field(default_factory=Incidents)
    meeting: Meeting | None = None
    observers: Observers | None = None
    detection: Detection = field(init=False)

    def __post_init__(self) -> None:
        period_ps = self.ways.source.period_ps
        self.tick_ps = PULSES_PER_TICK * period_ps
        self._hold = max(1, KNOB_STEP_PS // self.tick_ps)
        self._channel = ChannelEffects(self.ways, self.seed)
        self._channels, all_ways = [self._channel], [self.ways]
        if self.meeting is not None:
            self._channels.append(self.meeting.channel)
            all_ways.append(self.meeting.ways)
        self._edges = [e for e in (self.start, *self.marks.values()) if e is not None]
        for edges in self._edges:
            if edges.owner == self.ways.source.laser.owner:
                edges.flight_ps = self._channel.mark_flight_ps
        bank = detector_bank(
            [way.part for way in self.ways.detectors],
            [way.arrival_ps for way in self.ways.detectors],
            period_ps,
            self.seed,
            max(channel.blur_fwhm_ps() for channel in self._channels),
        )
        moved = self._channel.moved if self._channel.moves_clicks else None
        self.detection = Detection(bank, moved, self.observers)
        self._ahead_ps = self.detection.ahead_ps
        self._wires = DetectorState(bank)
        self._fibres = {
            name: drift_of(part, name, self.seed, period_ps)
            for ways in all_ways
            for name, part in ways.fibres.items()
        }
        self.past = Past([n for w in all_ways for n in w.meters], self.detection)
        self._fresh: FreshRun | None = None
        self._turning_fresh: FreshRun | None = None
        receiver = self.ways.modulator
        self._receiver_generator = None if receiver is None else receiver.generator
        self._look_at_generators()
        self._next_tick = self._stride = self._delivered_ps = self._now_ps = 0
        self._moment: Moment | None = None
        self.recorded: Moment | None = None
        """The last tick in which a recording tagger could meet a pattern, if any."""
        for port in self.generators.values():
            port.on_change = self._note_light

    @property
    def moment(self) -> Moment:
        """The present tick."""
        if self._moment is None:
            self._begin_tick(0)
        return self._moment  # type: ignore[return-value]

    def advance(self, t_ps: int) -> None:
        """Carry the physics to `t_ps`, a second at a time: memory is bounded."""
        while t_ps > self._now_ps + PS_PER_S:
            self._go_on(self._now_ps + PS_PER_S)
        self._go_on(t_ps)

    def _go_on(self, t_ps: int) -> None:
        end = self._tick_after(t_ps) if t_ps > 0 else 0
        while self._next_tick < end:
            self._begin_tick(self._next_tick)
            self._rest(end)
        self._now_ps = max(self._now_ps, t_ps)
        if self._now_ps - self._delivered_ps >= LONGEST_WAIT_PS:
            self.deliver()
            self.past.settle(self._now_ps - LONGEST_WAIT_PS)

    def deliver(self) -> None:
        """Give the tagger all pulses before the present time.

        To be called before the tagger is spoken to, and before it is due to speak.
        """
        now_ps = self._now_ps
        if now_ps == self._delivered_ps:
            return
        self._delivered_ps = now_ps
        clicks = self.detection.clicks_until(now_ps)
        if self.tagger is None:
            return
        for way, times in zip(self.ways.detectors, clicks, strict=True):
            if way.tagger_input is not None and len(times):
                self.tagger.push(way.tagger_input, times)
        if self.observers is not None:
            self.observers.deliver(self.tagger.push, now_ps)
        if self.start is not None:
            starts = self.start.until(now_ps)
            if len(starts):
                self.tagger.start_height_v = self.start.height_v
                self.tagger.push_start(starts)
        for number, edges in self.marks.items():
            times = edges.until(now_ps)
            if len(times):
                self.tagger.push(number, times)
        self.tagger.advance(now_ps)

    def next_event_ps(self) -> int | None:
        """Return None: the world moves only when somebody waits for an instrument."""
        return None

    def power_w(self, meter: str, t0_ps: int, t1_ps: int, lag_ps: float = 0.0) -> float:
        """Return the average optical power at a meter's sensor over [t0, t1).

        lag_ps: time constant of the low-pass that the meter sees it through
        """
        return self.past.power[meter].lagging_w(t0_ps, min(t1_ps, self._now_ps), lag_ps)

    def counts(self, t_ps: int) -> list[int]:
        """Return the clicks of each detector from time zero to `t_ps`."""
        return self.detection.counts_until(min(t_ps, self._now_ps))

    def voltages_mv(self, t_ps: int) -> list[float]:
        """Return the voltage over each detector now."""
        if self.detection.bank.stops_by_itself:
            return self.detection.voltages_mv(min(t_ps, self._now_ps))
        return self._wires.voltages_mv()

    def _note_light(self, now_ps: int) -> None:
        del now_ps
        self._light_changed = True

    def _tick_after(self, t_ps: int) -> int:
        """Return the first tick that is begun at `t_ps` or later."""
        return -(-(t_ps + self._ahead_ps) // self.tick_ps)

    def _read_ps(self, tick: int) -> int:
        """Return when a tick is begun: before any click of its pulses."""
        return max(0, tick * self.tick_ps - self._ahead_ps)

    def _begin_tick(self, tick: int) -> None:
        t_ps = self._read_ps(tick)
        if self._light_changed:
            self._look_at_generators()
        light = self.sender.light(t_ps)
        other = None if self.meeting is None else self.meeting.sender.light(t_ps)
        made = _Made(light, self._modulation(), other)
        self._run_edges(tick, tick + 1)
        last = self._moment
        knobs = self._knobs(tick)
        rotation = self.incidents.turn(
            {name: fibre.at(tick) for name, fibre in self._fibres.items()}, t_ps
        )
        acts = self.ways.eve_acts(light, t_ps)
        self._stride = min(2 * self._stride + 1, _LONGEST_STRIDE)
        if last is None or self._has_changed(last, made, knobs, rotation, acts):
            last = self._new_moment(tick, made, knobs, rotation, acts)
            self._stride = 0
        self._moment = last
        self._next_tick = tick + 1
        self.detection.append(tick, last.conditions)
        if self.tagger is not None and self.tagger.recording() and last.has_pattern():
            self.recorded = last

    def _rest(self, end: int) -> None:
        """Let the present tick last through following ones, up to `end`, at rest."""
        tick, last = self._next_tick, self._moment
        held = -(-tick // self._hold) * self._hold
        end = min(end, max(tick + self._stride, held), self._next_turn(tick - 1))
        if end <= tick or last is None:
            return
        if self._knobs(end - 1) != last.knobs:
            self._stride = 0
            return
        self._run_edges(tick, end)
        self.detection.append(tick, last.conditions, end)
        self._next_tick = end

    def _knobs(self, tick: int) -> Knobs:
        t_ps = self._read_ps(tick)
        knobs = self.knobs.read(self._read_ps(tick - tick % self._hold))
        knobs = self.incidents.apply(knobs, t_ps, self.tick_ps)
        for channel in self._channels:
            knobs = channel.weather(knobs, t_ps)
        return knobs

    def _run_edges(self, tick: int, end: int) -> None:
        """Let the generators whose edges the tagger sees run over [tick, end)."""
        for edges in self._edges:
            edges.run(tick * self.tick_ps, end * self.tick_ps)

    def _modulation(self) -> Light | None:
        """Return what the receiver's modulator makes of D, if he has one."""
        modulator = self.ways.modulator
        if modulator is None:
            return None
        delay_ps = self.sender.drive.delay_ps
        return modulator.light(self.sender.outputs, delay_ps, self._turning_fresh)

    def _next_turn(self, tick: int) -> int:
        """Return the first tick after `tick` at which more than knobs may differ."""
        t_ps = self._read_ps(tick)
        times = [
            self.sender.rests_until_ps(),
            self.incidents.next_ps(t_ps, self.tick_ps),
            self.ways.next_act_ps(t_ps),
            *(channel.next_step_ps(t_ps) for channel in self._channels),
        ]
        if self.meeting is not None:
            times.append(self.meeting.sender.rests_until_ps())
        ticks = [self._tick_after(time_ps) for time_ps in times]
        return min(*ticks, *(fibre.next_step(tick) for fibre in self._fibres.values()))

    def _has_changed(
        self,
        last: Moment,
        made: _Made,
        knobs: Knobs,
        rotation: Mapping[str, NDArray[np.complex128]],
        eve_acts: bool,
    ) -> bool:
        return (
            made.light is not last.light
            or made.modulation is not last.modulation
            or made.other is not last.other
            or eve_acts != last.eve_acts
            or knobs != last.knobs
            # A fibre gives the same array until it moves.
            or any(rotation[n] is not r for n, r in last.turning.rotation.items())
        )

    def _new_moment(
        self,
        tick: int,
        made: _Made,
        knobs: Knobs,
        rotation: Mapping[str, NDArray[np.complex128]],
        eve_acts: bool,
    ) -> Moment:
        light, modulation, other = made
        turning = Turning(
            dict(knobs.transmission),
            dict(knobs.axis_deg),
            rotation,
            dict(knobs.retardance_rad),
        )
        self._wires.set_bias(knobs.bias_ua)
        analysers, eve = self.ways.analysers(turning, eve_acts=eve_acts)
        met = light
        if modulation is not None:
            met = turned(light, self.ways.to_modulator(turning), modulation)
        conditions = self._channel.applied(
            Conditions(met, analysers, knobs.bias_ua, eve), turning
        )
        if self.meeting is not None and other is not None:
            conditions = self.meeting.applied(conditions, turning, (light, other))
        if self._moment is not None:
            last = self._moment.conditions
            conditions = last if conditions.are_as_dark_as(last) else conditions
        self._measure_power(tick, made, turning)
        effective = tuple(self._wires.effective_bias_ua())
        now = tick, knobs, turning, light, modulation, conditions, effective
        return Moment(*now, self.sender.state(), eve_acts, other)

    def _look_at_generators(self) -> None:
        """Take the present waveforms."""
        self._light_changed = False
        outputs = {
            (name, channel): port.output(channel)
            for name, port in self.generators.items()
            for channel in (1, 2)
        }
        for edges in self._edges:
            port = self.generators[edges.awg]
            source = outputs[edges.awg, port.sync_source]
            edges.set_comb(source.start_ps, port.sync_period_ps())
        ports = dict(self.generators)
        if self._receiver_generator is not None:
            own = ports.pop(self._receiver_generator)
            self._turning_fresh = fresh_run([own], self._turning_fresh)
        self._fresh = fresh_run(
            ports.values(), self._fresh, self.sender.source.memory_pulses
        )
        self.sender.set_outputs(outputs, self._fresh)
        if self.meeting is not None:
            self.meeting.sender.set_outputs(outputs)

    def _measure_power(self, tick: int, made: _Made, turning: Turning) -> None:
        watts = dict.fromkeys(self.past.power, 0.0)
        lit = [(made.light, self.ways)]
        if self.meeting is not None and made.other is not None:
            lit.append((made.other, self.meeting.ways))
        for light, ways in lit:
            joules = photon_energy_j(light.wavelength_nm)
            stokes = light.average_stokes() * joules * 1e12 / ways.source.period_ps
            for name, way in ways.meters.items():
                watts[name] += 0.5 * float(analyser_vector(way.jones(turning)) @ stokes)
        for name, power_w in watts.items():
            self.past.power[name].set(self._read_ps(tick), power_w)
