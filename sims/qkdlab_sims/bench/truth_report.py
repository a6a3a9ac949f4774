"""The truth for people and tests: what the world really does at one moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.wiring.graph import OpticalPath
from qkdlab.wiring.parts import Snspd, Spad, Wiring
from qkdlab_sims.bench.backflash_ways import to_channel
from qkdlab_sims.bench.transfer import Turning
from qkdlab_sims.bench.true_records import true_records
from qkdlab_sims.bench.truth import TrueBench
from qkdlab_sims.bench.world import Moment, World
from qkdlab_sims.optics.polarization import analyser_vector, mueller_matrix

__all__ = ["analysers_from_output", "light_at_output", "report"]

_FRESH_PULSES = 1 << 18
"""Enough for the mean of their light to be known to 0.15 %."""

_OF_WIRES = {
    "recovery_tau_ps",
    "i_half_ua",
    "width_ua",
    "switching_current_ua",
    "dark_floor_hz",
    "dark_i0_ua",
    "dark_slope_per_ua",
}
_OF_DIODES = {"dead_time_ps", "recovery_tau_ps", "afterpulse_probability"}


def light_at_output(world: World) -> NDArray[np.float64]:
    """Return Stokes vectors in photons per pulse, float64[n, 4], by symbol.

    Of light whose settings never repeat, those of its first pulses.
    """
    moment = _moment(world)
    light = moment.light
    output = world.ways.to_output.jones(moment.turning)
    stokes = light.stokes() @ mueller_matrix(output).T
    if light.law is None:
        return stokes
    return stokes[light.law.contexts(np.arange(_FRESH_PULSES))]


def report(true: TrueBench, nominal: Wiring, world: World) -> dict[str, Any]:
    """Return true values as JSON-able data.

    detectors: per detector, with the analyser vector M from the sender's output to
               it (mean photons absorbed at efficiency 1 are M . S / 2 for Stokes
               vector S in photons), its efficiency and dark rate at its bias
               (0 where it has latched); of a diode with backflash the photons that
               each click sends to the channel
    light:     mean photon numbers at the sender's output over the pattern
    records:   by party, what records of calibration would say if they were exact
               (see `true_records`)
    drawn:     every value of the wiring that differs from its label, as
               {part: {field: true value}}
    """
    moment = _moment(world)
    sent = moment.sent
    bank = world.detection.bank
    bias_ua = moment.effective_bias_ua
    photons = light_at_output(world)[:, 0]
    eve = world.ways.eve
    columns = zip(
        world.ways.detectors,
        world.ways.paths,
        analysers_from_output(world, moment.turning),
        bank.efficiencies(bias_ua),
        bank.dark_rates_hz(bias_ua),
        bias_ua,
        strict=True,
    )
    detectors = [
        {
            "name": way.name,
            "tagger_input": way.tagger_input,
            "analyser": [float(value) for value in analyser],
            "efficiency": float(efficiency),
            "dark_rate_hz": float(dark_rate_hz),
            "bias_ua": bias,
            "arrival_ps": way.arrival_ps + sent.drive.delay_ps,
            **_leak(way.part, path),
            **way.part.model_dump(
                mode="json",
                include=_OF_WIRES if isinstance(way.part, Snspd) else _OF_DIODES,
            ),
        }
        for way, path, analyser, efficiency, dark_rate_hz, bias in columns
    ]
    return {
        "time_ps": moment.tick * world.tick_ps,
        "light": {
            "symbols": len(photons),
            "first_pulse": moment.light.first_pulse,
            "pulse_period_ps": bank.period_ps,
            "mean_photons": float(photons.mean()),
            "least_photons": float(photons.min()),
            "most_photons": float(photons.max()),
            "delay_ps": sent.drive.delay_ps,
            "wavelength_nm": sent.emission.wavelength_nm,
            "phase_law": sent.emission.phase_law,
            "continuous_w": sent.emission.continuous_w,
        },
        "laser_threshold_ma": sent.threshold_ma,
        "modulator_phase_rad": dict(sent.phases_rad),
        "modulator_null_v": dict(sent.null_v),
        "detectors": detectors,
        # records are those of one sender's calibration
        "records": true_records(true, world, moment, detectors)
        if world.meeting is None
        else {},
        "attenuator_transmission": dict(moment.turning.transmission),
        "plate_axis_deg": dict(moment.turning.axis_deg),
        "eavesdropper": None if eve is None else eve.model_dump(mode="json"),
        "plate_zero_deg": dict(true.plate_zero_deg),
        "attenuator_scale": dict(true.attenuator_scale),
        "meter_scale_error": dict(true.meter_scale_error),
        "tagger_offset_ppm": dict(true.tagger_offset_ppm),
        "drawn": _differences(nominal, true.wiring),
    }


def _leak(part: Snspd | Spad, path: OpticalPath) -> dict[str, float]:
    if isinstance(part, Snspd) or part.backflash is None:
        return {}
    photons = part.backflash.probability * to_channel(path)
    return {"photons_to_channel_per_click": photons}


def _moment(world: World) -> Moment:
    return world.recorded or world.moment


def analysers_from_output(world: World, turning: Turning) -> list[NDArray[np.float64]]:
    """Return, per detector, the analyser vector from the sender's output to it."""
    # The way from the output is found by dividing the whole way by the sender's part,
    # with everything open there so that the division exists.
    sender = dict.fromkeys(world.ways.sender & turning.transmission.keys(), 1.0)
    opened = replace(turning, transmission={**turning.transmission, **sender})
    inverse = np.linalg.inv(world.ways.to_output.jones(opened))
    return [
        analyser_vector(
            way.after_eve.jones(opened) @ way.before_eve.jones(opened) @ inverse
        )
        for way in world.ways.detectors
    ]


def _differences(nominal: Wiring, true: Wiring) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, part in true.parts.items():
        label = nominal.parts[name].model_dump()
        changed = {
            key: value
            for key, value in part.model_dump().items()
            if value != label[key] and isinstance(value, float)
        }
        if changed:
            found[name] = changed
    return found
