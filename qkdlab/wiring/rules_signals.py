"""Rules of electrical signals: clocks, samples, drive voltages, triggers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from qkdlab.problems import Problem
from qkdlab.wiring.graph import Chain
from qkdlab.wiring.parts import (
    Amplifier,
    Awg,
    Clock,
    DelayGenerator,
    IntensityModulator,
    Laser,
    PhaseModulator,
    Tagger,
)
from qkdlab.wiring.view import BenchView

__all__ = [
    "clocks",
    "drive_voltages",
    "impedances",
    "references",
    "samples",
    "triggers",
]

FREQUENCY_TOLERANCE = 1e-9
PHASE_MODULATOR_SWING = 1.5
"""In V_pi: the states D, R, A, L stand at 0, 1/2, 1, 3/2."""
SATURATION_WARNING = 0.5
"""Share of the saturation voltage above which levels bend by more than 9 %."""


def clocks(view: BenchView) -> Iterator[Problem]:
    """Check that the laser pulses once a symbol."""
    wanted = view.demand.pulse_rate_hz
    for name in view.graph.parts_of(Laser):
        chain = view.graph.chain(name, "clock")
        clock = view.wiring.parts[chain.source[0]] if chain else None
        if not isinstance(clock, Clock) or chain is None or wanted is None:
            continue
        if abs(clock.frequency_hz / wanted - 1.0) > FREQUENCY_TOLERANCE:
            yield view.part(
                chain.source[0],
                "frequency_hz",
                f"{clock.frequency_hz:.12g} Hz, but symbol_period_ps "
                f"{view.demand.symbol_period_ps} wants {wanted:.12g} Hz: "
                "one pulse per symbol",
            )


def references(view: BenchView) -> Iterator[Problem]:
    """Check that generators use the reference that is cabled to them.

    On its own time base a generator's symbols slide over the laser's pulses: 1 ppm is
    a symbol of 10 ns every 10 ms.
    """
    for name, part in view.graph.parts_of(Awg).items():
        is_wired = view.graph.entering(name, "ref_in") is not None
        wanted = "external" if is_wired else "internal"
        actual = view.option(part.instrument, "reference")
        if actual == wanted:
            continue
        if actual is None and not is_wired:
            continue
        state = "left as it was found" if actual is None else f"'{actual}'"
        cable = "is" if is_wired else "is not"
        message = (
            f"the reference is {state}, but '{name}.ref_in' {cable} connected; set "
            f"reference: {wanted}"
        )
        severity: Literal["error", "warning"] = "warning" if actual is None else "error"
        yield view.set_option(part.instrument, ("reference",), message, severity)


def samples(view: BenchView) -> Iterator[Problem]:
    """Check that the generator can play the pattern: sample rate, length."""
    demand = view.demand
    for part in view.graph.parts_of(Awg).values():
        name, limits = part.instrument, view.limits(part.instrument)
        rate = demand.sample_rate_hz
        key = "max_sample_rate_hz"
        if str(view.option(name, "filter")).upper() == "OFF":
            key = "max_sample_rate_filter_off_hz"
        limit = limits.get(key)
        if rate is not None and limit is not None and rate > limit * (1 + 1e-12):
            message = (
                f"{demand.samples_per_symbol} samples in {demand.symbol_period_ps} ps "
                f"are {rate / 1e6:.6g} MSa/s; {name} reaches {limit / 1e6:.6g} MSa/s"
            )
            if key != "max_sample_rate_hz":
                message += " with its filter OFF; set the option filter to STEP or NORM"
            else:
                message += "; use fewer samples per symbol"
            yield view.parameter(("pattern", "samples_per_symbol"), message)
        n = demand.samples
        low = limits.get("min_samples", 0)
        high = view.option(name, "max_samples") or limits.get("max_samples", math.inf)
        if n is not None and not low <= n <= high:
            yield view.parameter(
                ("pattern", "symbols"),
                f"{demand.symbols} symbols are {n} samples; {name} holds {low:.0f} to "
                f"{high:.0f}",
            )
    if demand.frame_ps is not None and demand.duration_s is not None:
        frame_s = demand.frame_ps * 1e-12
        if demand.duration_s < frame_s:
            yield view.parameter(
                ("duration_s",),
                f"{demand.duration_s:g} s is shorter than one frame of {frame_s:g} s",
            )


def drive_voltages(view: BenchView) -> Iterator[Problem]:
    """Check that amplifiers and generator reach the modulators' levels."""
    modulators = {
        **{n: m.v_pi_v for n, m in view.graph.parts_of(IntensityModulator).items()},
        **{
            n: PHASE_MODULATOR_SWING * m.v_pi_v
            for n, m in view.graph.parts_of(PhaseModulator).items()
        },
    }
    for name, volts in modulators.items():
        chain = view.graph.chain(name, "rf")
        if chain is not None:
            yield from _chain_levels(view, name, volts, chain)


def _chain_levels(
    view: BenchView, modulator: str, volts: float, chain: Chain
) -> Iterator[Problem]:
    """Go up from the modulator and ask every stage for the volts it must give."""
    for i in range(len(chain.links) - 1, -1, -1):
        volts *= 10 ** (chain.links[i].cable.loss_db / 20.0)
        if i == 0:
            break
        name = chain.parts[i - 1]
        part = view.wiring.parts[name]
        if not isinstance(part, Amplifier):
            return
        share = volts / part.saturation_v
        if share >= 1.0:
            yield view.part(
                name,
                "saturation_v",
                f"saturates at {part.saturation_v:g} V, but '{modulator}' needs "
                f"{volts:.3g} V; use a stronger amplifier",
            )
            return
        if share > SATURATION_WARNING:
            yield view.part(
                name,
                "saturation_v",
                f"'{modulator}' needs {volts:.3g} V, {share:.0%} of saturation: its "
                "levels bend; use a stronger amplifier",
                "warning",
            )
        volts = part.saturation_v * math.atanh(share) / part.gain
        if volts > part.max_input_v:
            yield view.part(
                name,
                "max_input_v",
                f"takes {part.max_input_v:g} V, but '{modulator}' needs {volts:.3g} V "
                "here; use more gain",
            )
    source, _ = chain.source
    awg = view.wiring.parts[source]
    limit = (
        view.limits(awg.instrument).get("max_output_v")
        if isinstance(awg, Awg)
        else None
    )
    if limit is not None and volts > limit:
        yield view.part(
            source,
            "",
            f"'{modulator}' needs {volts:.3g} V from '{source}', which gives "
            f"{limit:g} V into 50 Ohm; use more gain",
        )


def impedances(view: BenchView) -> Iterator[Problem]:
    """Check that drive lines are 50 Ohm, the load that volts are stated for."""
    for link in view.graph.links:
        cable = link.cable
        if cable.kind == "rf" and not 45.0 <= cable.impedance_ohm <= 55.0:
            yield view.cable(
                link.index,
                "impedance_ohm",
                f"{cable.impedance_ohm:g} Ohm: a 50 Ohm source gives up to twice its "
                "voltage into a high impedance; terminate the line with 50 Ohm",
            )


def triggers(view: BenchView) -> Iterator[Problem]:
    """Check that triggers come slowly enough and at levels that inputs take."""
    for name, part in view.graph.parts_of(DelayGenerator).items():
        rate_hz = _trigger_rate_hz(view, name, "trigger")
        if rate_hz is None:
            continue
        if rate_hz > part.max_trigger_hz:
            yield view.part(
                name,
                "max_trigger_hz",
                f"is triggered at {rate_hz:.6g} Hz, above its limit of "
                f"{part.max_trigger_hz:.6g} Hz; trigger it once a frame",
            )
        elif part.delay_ps * rate_hz >= 1e12:
            yield view.part(
                name,
                "delay_ps",
                f"{part.delay_ps} ps is no shorter than the {1e12 / rate_hz:.6g} ps "
                "between triggers: it would miss some; use a shorter delay",
            )
    for name, tagger in view.graph.parts_of(Tagger).items():
        yield from _start(view, name, tagger)


def _start(view: BenchView, name: str, part: Tagger) -> Iterator[Problem]:
    """Check the tagger's START: rate and level."""
    limits = view.limits(part.instrument)
    rate_hz, limit = _trigger_rate_hz(view, name, "start"), limits.get("max_start_hz")
    if rate_hz is not None and limit is not None and rate_hz > limit:
        yield view.part(
            name, "", f"START comes at {rate_hz:.6g} Hz, above its {limit:.6g} Hz"
        )
    link = view.graph.entering(name, "start")
    driver = view.wiring.parts[link.source[0]] if link else None
    if link is None or not isinstance(driver, DelayGenerator):
        return
    volts = abs(driver.output_v) * (2.0 if link.cable.impedance_ohm > 1e3 else 1.0)
    low, high = limits.get("min_input_v", 0.0), limits.get("max_input_v", math.inf)
    if not low <= volts <= high:
        yield view.part(
            link.source[0],
            "output_v",
            f"START of {part.instrument} gets {volts:g} V; it takes {low:g} to "
            f"{high:g} V",
        )


def _trigger_rate_hz(view: BenchView, name: str, port: str) -> float | None:
    """Return how often an input is triggered, as far as that is known."""
    chain = view.graph.chain(name, port)
    source = view.wiring.parts[chain.source[0]] if chain else None
    if isinstance(source, Clock):
        return source.frequency_hz
    if isinstance(source, Awg) and view.demand.frame_ps:
        return 1e12 / view.demand.frame_ps
    return None
