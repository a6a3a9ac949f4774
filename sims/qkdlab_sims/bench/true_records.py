"""What calibration records would say if they were exact, by party and quantity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import (
    IntensityModulator,
    Laser,
    PhaseModulator,
    PowerMeterPart,
    Tap,
    VariableAttenuator,
)
from qkdlab.wiring.passage import passage_db
from qkdlab_sims.bench.paths import find_part, light_paths, rf_chain
from qkdlab_sims.bench.truth import TrueBench
from qkdlab_sims.bench.world import Moment, World

__all__ = ["true_records"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))


def true_records(
    true: TrueBench,
    world: World,
    moment: Moment,
    detectors: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, float]]:
    """Return true values by the owner of the instrument, named as the records are.

    detectors: as in `truth_report.report`, at the moment

    What has no true value before somebody decides on it is left out: photon numbers
    (see `light`), angles of plates, the attenuation. Beside the records there is
    ``symbol_edge_phase_deg``, the clock's phase at which pulses meet the intensity's
    transitions while a pattern runs: ``symbol_phase_deg`` is that of pulses so much
    later as the experiment wants.
    """
    graph = Graph(true.wiring)
    laser = find_part(graph, Laser)[1]
    receivers = {way.part.owner for way in world.ways.detectors}
    found = {laser.owner: _of_sender(true, graph, world, moment)}
    for owner in receivers:
        found.setdefault(owner, {}).update(_of_receiver(world, laser, detectors))
        for name, turner in graph.parts_of(PhaseModulator).items():
            if turner.owner == owner:
                v_pi_v = _generator_v_pi(graph, name, turner.v_pi_v)
                found[owner]["basis_v_pi"] = v_pi_v
    return found


def _of_sender(
    true: TrueBench, graph: Graph, world: World, moment: Moment
) -> dict[str, float]:
    sent, owner = moment.sent, find_part(graph, Laser)[1].owner
    found = {"laser_threshold_ma": sent.threshold_ma}
    for name, modulator in graph.parts_of(IntensityModulator).items():
        found["modulator_null_v"] = sent.null_v[name]
        found["modulator_dc_v_pi_v"] = modulator.dc_v_pi_v
        found["modulator_extinction"] = modulator.extinction_db
        found["intensity_v_pi"] = _generator_v_pi(graph, name, modulator.v_pi_v)
    for name, turner in graph.parts_of(PhaseModulator).items():
        if turner.owner == owner:
            found["polarization_v_pi"] = _generator_v_pi(graph, name, turner.v_pi_v)
    for name in graph.parts_of(PowerMeterPart):
        found["meter_scale"] = 1.0 + true.meter_scale_error.get(name, 0.0)
    for name in graph.parts_of(VariableAttenuator):
        if name in world.ways.sender:
            found["attenuator_scale"] = true.attenuator_scale.get(name, 1.0)
    found |= _timing(graph, world)
    ratio = _tap_to_output(graph, world.ways.sender)
    return found if ratio is None else {**found, "tap_to_output_ratio": ratio}


def _generator_v_pi(graph: Graph, modulator: str, v_pi_v: float) -> float:
    """Return the generator's step from 0 V that turns a modulator by pi."""
    chain = rf_chain(graph, modulator)
    volts = v_pi_v
    if chain is None:
        return volts
    for amplifier in reversed(chain.amplifiers):
        limit_v = amplifier.saturation_v
        volts = limit_v * math.atanh(volts / limit_v) / amplifier.gain
    return volts * math.pow(10.0, chain.loss_db / 20.0)


def _timing(graph: Graph, world: World) -> dict[str, float]:
    """Return skew of the drives, and phase of the transitions while they run."""
    source = world.ways.source
    lags = source.lags_ps(world.sender.outputs)
    intensity = [lags[n] for n in graph.parts_of(IntensityModulator) if n in lags]
    turn = [lags[n] for n in graph.parts_of(PhaseModulator) if n in lags]
    found: dict[str, float] = {}
    if len(intensity) != 1:
        return found
    output, lag_ps = intensity[0]
    if output.enabled:
        edge_ps = (output.start_ps + lag_ps) % source.period_ps
        found["symbol_edge_phase_deg"] = world.sender.train.phase_deg(edge_ps)
    if len(turn) == 1:
        skew_ps = math.remainder(turn[0][1] - lag_ps, source.period_ps)
        found["polarization_skew_ps"] = skew_ps
    return found


def _tap_to_output(graph: Graph, sender: frozenset[str]) -> float | None:
    """Return power at the sender's output, attenuator at zero, over that at the tap."""
    for path in light_paths(graph).values():
        for at, stage in enumerate(path.stages):
            if isinstance(stage.part, Tap) and stage.exit == "out":
                below = [s for s in path.stages[at + 1 :] if s.name in sender]
                loss_db = passage_db(stage.part, "out") + sum(s.loss_db for s in below)
                return math.pow(10.0, -loss_db / 10.0) / stage.part.tap_fraction
    return None


def _of_receiver(
    world: World, laser: Laser, detectors: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    found: dict[str, float] = {}
    tagger_fwhm_ps = 0.0
    if world.tagger is not None:
        tagger_fwhm_ps = _FWHM_IN_SIGMAS * world.tagger.jitter_rms_ps
    for d, (way, one) in enumerate(zip(world.ways.detectors, detectors, strict=True)):
        found[f"bias_ua_{d}"] = one["bias_ua"]
        found[f"dark_rate_hz_{d}"] = one["dark_rate_hz"]
        found[f"delay_ps_{d}"] = float(one["arrival_ps"] - detectors[0]["arrival_ps"])
        found[f"jitter_fwhm_ps_{d}"] = math.hypot(
            way.part.jitter_fwhm_ps, laser.pulse_fwhm_ps, tagger_fwhm_ps
        )
    seen = [one["efficiency"] * one["analyser"][0] for one in detectors]
    # 0 and 1 of a bit: X and Z apart, or by turns behind the receiver's modulator
    if len(seen) == (4 if world.ways.modulator is None else 2) and all(seen):
        ratios = np.array(seen[0::2]) / np.array(seen[1::2]) - 1.0
        found["efficiency_mismatch"] = float(ratios[np.argmax(np.abs(ratios))])
    return found
