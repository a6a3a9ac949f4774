"""The true bench: the wiring with true values in place of the labels' nominal ones.

All that the world computes with comes from here; nothing in a station may read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import (
    Amplifier,
    BeamSplitter,
    Cable,
    Fibre,
    FixedLoss,
    IntensityModulator,
    Laser,
    Part,
    PhaseModulator,
    PowerMeterPart,
    Snspd,
    Spad,
    Tagger,
    Tap,
    VariableAttenuator,
    Waveplate,
    Wiring,
)
from qkdlab.wiring.ports import split_port
from qkdlab_sims.bench.draws import normal, uniform
from qkdlab_sims.bench.paths import light_paths
from qkdlab_sims.sections import Spread

__all__ = ["TrueBench", "draw_bench"]


@dataclass(frozen=True)
class TrueBench:
    """True values: the wiring's own, and those that no label has (by part)."""

    wiring: Wiring
    plate_zero_deg: dict[str, float] = field(default_factory=dict)
    """Fast axis of a turned plate when its motor stands at zero."""
    attenuator_scale: dict[str, float] = field(default_factory=dict)
    """True dB per dB shown."""
    meter_scale_error: dict[str, float] = field(default_factory=dict)
    """Relative: shown power over true power, minus one."""
    tagger_offset_ppm: dict[str, float] = field(default_factory=dict)
    modulator_phase_rad: dict[str, float] = field(default_factory=dict)
    """Of intensity modulators at zero bias, at first."""


def draw_bench(nominal: Wiring, spread: Spread, seed: int) -> TrueBench:
    """Draw the true bench around the nominal one (see `Spread` for what is drawn)."""
    in_record = _between_tap_and_output(nominal)
    true = TrueBench(
        nominal.model_copy(
            update={
                "parts": {
                    name: _true_part(
                        part, _Deviations(seed, name), spread, name in in_record
                    )
                    for name, part in nominal.parts.items()
                },
                "cables": [
                    _true_cable(cable, nominal, spread, seed)
                    for cable in nominal.cables
                ],
            }
        )
    )
    for name, part in nominal.parts.items():
        draw = _Deviations(seed, name)
        match part:
            case Waveplate(instrument=str()):
                zero_deg = draw.of("zero", spread.plate_zero_deg)
                true.plate_zero_deg[name] = zero_deg
            case VariableAttenuator():
                error = draw.of("scale", spread.attenuator_scale_rel)
                true.attenuator_scale[name] = 1.0 + error
            case PowerMeterPart():
                error = draw.of("scale", spread.meter_scale_rel)
                true.meter_scale_error[name] = error
            case Tagger():
                offset_ppm = draw.of("clock", spread.tagger_offset_ppm)
                true.tagger_offset_ppm[name] = offset_ppm
            case IntensityModulator():
                phase_rad = draw.within("phase", spread.modulator_phase_rad)
                true.modulator_phase_rad[name] = phase_rad
    return true


def _between_tap_and_output(wiring: Wiring) -> set[str]:
    """Return the parts whose loss the record ``tap_to_output_ratio`` already holds."""
    names: set[str] = set()
    graph = Graph(wiring)
    paths = [
        path
        for laser in graph.parts_of(Laser)
        for path in light_paths(graph, laser).values()
    ]
    for path in paths:
        for at, stage in enumerate(path.stages):
            if isinstance(stage.part, Tap):
                owner = stage.part.owner
                below = path.stages[at:]
                names |= {s.name for s in below if s.part.owner == owner}
    return names


@dataclass(frozen=True)
class _Deviations:
    seed: int
    part: str

    def of(self, quantity: str, standard_deviation: float) -> float:
        return standard_deviation * normal(self.seed, self.part, quantity)

    def within(self, quantity: str, half_width: float) -> float:
        return half_width * uniform(self.seed, self.part, quantity)


def _true_cable(cable: Cable, nominal: Wiring, spread: Spread, seed: int) -> Cable:
    """Return a drive line, or the fibre to a detector, with its true delay."""
    name, port = split_port(cable.target)
    draw = _Deviations(seed, name)
    delay_ps = cable.delay_ps
    match nominal.parts.get(name):
        case IntensityModulator() | PhaseModulator() if port == "rf":
            half_ps = spread.rf_delay_ps / 2
            delay_ps += round(half_ps + draw.within("rf delay", half_ps))
        case Snspd() | Spad():
            delay_ps += round(draw.within("delay", spread.detector_delay_ps))
    return cable.model_copy(update={"delay_ps": delay_ps})


def _true_part(part: Part, draw: _Deviations, spread: Spread, in_record: bool) -> Part:
    loss_db = 0.0 if in_record else draw.of("loss", spread.loss_db)
    update: dict[str, float] = {}
    match part:
        case FixedLoss():
            update["loss_db"] = max(0.0, part.loss_db + loss_db)
            axis_deg = draw.within("pdl axis", spread.pdl_axis_deg)
            update["pdl_axis_deg"] = part.pdl_axis_deg + axis_deg
        case VariableAttenuator():
            axis_deg = draw.within("pdl axis", spread.pdl_axis_deg)
            update["pdl_axis_deg"] = part.pdl_axis_deg + axis_deg
        case IntensityModulator() | PhaseModulator():
            update["v_pi_v"] = part.v_pi_v * (1.0 + draw.of("v_pi", spread.v_pi_rel))
            update["insertion_loss_db"] = max(0.0, part.insertion_loss_db + loss_db)
            if isinstance(part, IntensityModulator):
                error = draw.of("extinction", spread.extinction_db)
                update["extinction_db"] = max(0.0, part.extinction_db + error)
                error = draw.of("dc v_pi", spread.v_pi_rel)
                update["dc_v_pi_v"] = part.dc_v_pi_v * (1.0 + error)
        case Laser():
            error = draw.of("threshold", spread.laser_threshold_rel)
            update["threshold_ma"] = part.threshold_ma * (1.0 + error)
            error = draw.of("slope", spread.laser_slope_rel)
            update["slope_mw_per_ma"] = part.slope_mw_per_ma * (1.0 + error)
            error_db = draw.of("power", spread.laser_power_db)
            update["mean_power_dbm"] = part.mean_power_dbm + error_db
            late_ps = draw.within("pulse delay", spread.pulse_delay_ps)
            update["pulse_delay_ps"] = part.pulse_delay_ps + round(late_ps)
        case Amplifier():
            error = draw.of("gain", spread.amplifier_gain_rel)
            update["gain"] = part.gain * (1.0 + error)
        case Tap():
            error = draw.of("fraction", spread.tap_fraction_rel)
            update["tap_fraction"] = part.tap_fraction * (1.0 + error)
        case Fibre():
            update["excess_loss_db"] = max(0.0, part.excess_loss_db + loss_db)
        case Waveplate():
            error = draw.of("retardance", spread.plate_retardance_waves)
            update["retardance_waves"] = part.retardance_waves + error
        case BeamSplitter():
            error = draw.of("fraction", spread.splitter_fraction)
            update["x_fraction"] = min(max(part.x_fraction + error, 0.0), 1.0)
        case Spad():
            error = draw.of("efficiency", spread.detector_efficiency_rel)
            update["efficiency"] = min(part.efficiency * (1.0 + error), 1.0)
        case Snspd():
            error = draw.of("efficiency", spread.detector_efficiency_rel)
            update["efficiency_max"] = min(part.efficiency_max * (1.0 + error), 1.0)
    return part.model_copy(update=update)
