"""Rules of light: attenuation, power at the meter, detectors, tag rate."""

from __future__ import annotations

import math
from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.channel_parts import LIGHT_SPEED_M_S
from qkdlab.wiring.graph import OpticalPath
from qkdlab.wiring.parts import (
    IntensityModulator,
    Laser,
    PowerMeterPart,
    Snspd,
    Spad,
    Tagger,
    VariableAttenuator,
)
from qkdlab.wiring.rules_ranges import attenuator_range_db, meter_range_dbm
from qkdlab.wiring.view import BenchView

__all__ = [
    "attenuation",
    "bias",
    "meter_range",
    "tag_rate",
    "wavelengths",
]

PLANCK_J_S = 6.62607015e-34
WAVELENGTH_TOLERANCE_NM = 1.0
BIAS_WARNING = 0.95
"""Share of the switching current above which a detector latches easily."""


def photon_power_dbm(
    mean_photon_number: float, rate_hz: float, wavelength_nm: float
) -> float:
    """Return the average power in dBm of pulses with `mean_photon_number` photons."""
    energy_j = PLANCK_J_S * LIGHT_SPEED_M_S / (wavelength_nm * 1e-9)
    return 10.0 * math.log10(mean_photon_number * rate_hz * energy_j / 1e-3)


def attenuation(view: BenchView) -> Iterator[Problem]:
    """Check that attenuators bring the brightest class to its photon number."""
    brightest, rate = view.demand.brightest, view.demand.pulse_rate_hz
    if brightest is None or rate is None:
        return
    for name, laser in view.graph.parts_of(Laser).items():
        path = _sender_path(view, name)
        if path is None:
            continue
        knobs = path.of_kind(VariableAttenuator)
        wanted_dbm = photon_power_dbm(brightest, rate, laser.wavelength_nm)
        needed_db = laser.mean_power_dbm - path.loss_db - wanted_dbm
        ranges = [attenuator_range_db(view, part) for _, part in knobs]
        if any(least > most for least, most in ranges):
            continue  # refused for that already
        low, high = sum(r[0] for r in ranges), sum(r[1] for r in ranges)
        if not low <= needed_db <= high:
            place = knobs[0][0] if knobs else name
            cure = "add a fixed attenuator" if needed_db > high else "remove loss"
            what = (
                f"gives {low:g} to {high:g} dB"
                if knobs
                else "has no variable attenuator"
            )
            yield view.part(
                place,
                "",
                f"mean photon number {brightest:g} needs {needed_db:.1f} dB here, but "
                f"the bench {what}; {cure}",
            )
        yield from _extinction(view, path)


def _extinction(view: BenchView, path: OpticalPath) -> Iterator[Problem]:
    """Check that the modulators reach from the brightest class to the weakest."""
    brightest, classes = view.demand.brightest, view.demand.intensities
    modulators = path.of_kind(IntensityModulator)
    if not classes or brightest is None:
        return
    weakest = min(mu for mu, _ in classes.values())
    if weakest <= 0.0 or weakest == brightest:
        return
    wanted_db = 10.0 * math.log10(brightest / weakest)
    reach_db = sum(part.extinction_db for _, part in modulators)
    if wanted_db > reach_db:
        place = modulators[0][0] if modulators else path.laser
        yield view.part(
            place,
            "extinction_db" if modulators else "",
            f"the classes span {wanted_db:.1f} dB, but the intensity modulators reach "
            f"{reach_db:g} dB; raise the weakest class",
        )


def meter_range(view: BenchView) -> Iterator[Problem]:
    """Check that each class alone is in the range of the meter at the tap."""
    brightest = view.demand.brightest
    for laser_name, laser in view.graph.parts_of(Laser).items():
        for path in view.graph.optical_paths(laser_name):
            meter = path.stages[-1].part
            if not isinstance(meter, PowerMeterPart):
                continue
            full_dbm = laser.mean_power_dbm - path.loss_db
            powers = {"the unmodulated laser": full_dbm}
            if path.of_kind(IntensityModulator) and brightest:
                powers = {
                    f"class '{name}'": full_dbm + 10.0 * math.log10(mu / brightest)
                    for name, (mu, _) in (view.demand.intensities or {}).items()
                    if mu > 0.0
                }
            low, high = meter_range_dbm(view, meter)
            if low >= high:
                continue  # refused for that already
            dim = {what: dbm for what, dbm in powers.items() if dbm < low}
            bright = {what: dbm for what, dbm in powers.items() if dbm > high}
            for key, outside, cure in (
                ("floor_dbm", dim, "tap more light"),
                ("max_dbm", bright, "attenuate before the meter"),
            ):
                told = [f"{what} gives {dbm:.1f} dBm" for what, dbm in outside.items()]
                if told:
                    yield view.part(
                        path.end,
                        key,
                        f"{', '.join(told)} here; the meter reads {low:g} to {high:g} "
                        f"dBm; {cure}",
                    )


def wavelengths(view: BenchView) -> Iterator[Problem]:
    """Check that laser, experiment and instruments speak of one wavelength."""
    for laser_name, laser in view.graph.parts_of(Laser).items():
        stated = {"the experiment": view.demand.wavelength_nm}
        for part in view.wiring.parts.values():
            if isinstance(part, VariableAttenuator | PowerMeterPart):
                stated[part.instrument] = view.option(part.instrument, "wavelength_nm")
        for who, value in stated.items():
            if (
                value is None
                or abs(value - laser.wavelength_nm) <= WAVELENGTH_TOLERANCE_NM
            ):
                continue
            yield view.part(
                laser_name,
                "wavelength_nm",
                f"{laser.wavelength_nm:g} nm, but {who} is set to {value:g} nm; "
                "make them agree",
            )


def bias(view: BenchView) -> Iterator[Problem]:
    """Check that every detector has a bias that neither latches nor exceeds."""
    wanted = view.demand.bias_ua
    if wanted is None:
        return
    for name, part in view.graph.parts_of(Snspd).items():
        if part.channel >= len(wanted):
            yield view.parameter(
                ("detection", "bias_ua"),
                f"has {len(wanted)} values, but '{name}' is channel {part.channel}",
            )
            continue
        current = wanted[part.channel]
        place = ("detection", "bias_ua", part.channel)
        limit = view.limits(part.instrument).get("max_bias_ua", math.inf)
        if current > limit:
            yield view.parameter(
                place, f"{current:g} uA; {part.instrument} gives at most {limit:g} uA"
            )
        elif current >= part.switching_current_ua:
            yield view.parameter(
                place,
                f"{current:g} uA would latch '{name}', which switches at "
                f"{part.switching_current_ua:g} uA; use a lower bias",
            )
        elif current > BIAS_WARNING * part.switching_current_ua:
            yield view.parameter(
                place,
                f"{current:g} uA is above {BIAS_WARNING:.0%} of the switching current "
                f"{part.switching_current_ua:g} uA of '{name}'; it may latch",
                "warning",
            )


def tag_rate(view: BenchView) -> Iterator[Problem]:
    """Check that the tagger can take all clicks, and is told to expect them.

    Patterns for calibration have the brightest class in every symbol.
    """
    classes, brightest = view.demand.intensities, view.demand.brightest
    if not classes or brightest is None:
        return
    for name, tagger in view.graph.parts_of(Tagger).items():
        inputs = [view.graph.entering(name, f"input{n}") for n in range(1, 5)]
        detectors = [link.source[0] for link in inputs if link is not None]
        total = _total_rate_hz(view, detectors, list(classes.values()))
        bright = _total_rate_hz(view, detectors, [(brightest, 1.0)])
        if total is None or bright is None:
            continue
        limit = view.limits(tagger.instrument).get("max_rate_hz")
        cure = "add loss or lower the intensities"
        if limit is not None and total > limit:
            yield view.part(
                name,
                "",
                f"about {total / 1e6:.3g} M tags/s are expected; {tagger.instrument} "
                f"takes {limit / 1e6:.3g} M; {cure}",
            )
        elif limit is not None and bright > limit:
            yield view.part(
                name,
                "",
                f"about {bright / 1e6:.3g} M tags/s are expected while calibration "
                f"sends the brightest class alone; {tagger.instrument} takes "
                f"{limit / 1e6:.3g} M; {cure}",
            )
        told = view.demand.predicted_rate_hz
        place = ("detection", "predicted_rate_hz")
        if told is not None and limit is not None and told > limit:
            message = f"{told:g} /s; {tagger.instrument} takes {limit:g} /s"
            yield view.parameter(place, message)
        elif told is not None and total > told:
            yield view.parameter(
                place,
                f"{told:g} /s, but about {total:.3g} /s are expected; raise it",
                "warning",
            )
        elif told is not None and bright > told:
            yield view.parameter(
                place,
                f"{told:g} /s, but about {bright:.3g} /s are expected while "
                "calibration sends the brightest class alone; raise it",
                "warning",
            )


def _total_rate_hz(
    view: BenchView, detectors: list[str], classes: list[tuple[float, float]]
) -> float | None:
    """Return the clicks per second of all detectors, or None when none is known."""
    rates = [_click_rate_hz(view, detector, classes) for detector in detectors]
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def _click_rate_hz(
    view: BenchView, detector: str, classes: list[tuple[float, float]]
) -> float | None:
    """Return the expected clicks per second, dead time left out, or None.

    Efficiency and dark rate by the law of :class:`qkdlab.wiring.parts.Snspd`.
    """
    pulse_rate = view.demand.pulse_rate_hz
    at_rest = _efficiency_and_darks(view, detector)
    if at_rest is None or not pulse_rate:
        return None
    efficiency, rate_hz = at_rest
    for laser in view.graph.parts_of(Laser):
        sender = _sender_path(view, laser)
        for path in view.graph.optical_paths(laser):
            if path.end != detector or sender is None:
                continue
            loss_db = path.loss_db + _standing_db(view, path)
            transmission = 10.0 ** ((sender.loss_db - loss_db) / 10.0)
            rate_hz += pulse_rate * sum(
                probability * -math.expm1(-mu * transmission * efficiency)
                for mu, probability in classes
            )
    return rate_hz


def _efficiency_and_darks(view: BenchView, detector: str) -> tuple[float, float] | None:
    part = view.wiring.parts[detector]
    bias_ua = view.demand.bias_ua
    if isinstance(part, Spad):
        return part.efficiency, part.dark_rate_hz
    if not isinstance(part, Snspd) or not bias_ua or part.channel >= len(bias_ua):
        return None
    current = bias_ua[part.channel]
    efficiency = (
        part.efficiency_max
        / 2.0
        * (1.0 + math.erf((current - part.i_half_ua) / part.width_ua))
    )
    exponent = min((current - part.dark_i0_ua) / part.dark_slope_per_ua, 50.0)
    return efficiency, part.dark_floor_hz + math.exp(exponent)


def _sender_path(view: BenchView, laser: str) -> OpticalPath | None:
    """Return the way of light inside the sender's station, up to its output."""
    owner = view.wiring.parts[laser].owner
    for path in view.graph.optical_paths(laser):
        for stage in path.stages:
            if stage.part.owner != owner:
                return path.before(stage.name)
    return None


def _standing_db(view: BenchView, path: OpticalPath) -> float:
    """Return what attenuators are set to when they are opened, in all."""
    knobs = [part for _, part in path.of_kind(VariableAttenuator)]
    set_db = (view.option(part.instrument, "attenuation_db_on_open") for part in knobs)
    return sum(value_db or 0.0 for value_db in set_db)
