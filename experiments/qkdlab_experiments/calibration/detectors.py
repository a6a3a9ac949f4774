"""Step 1: bias and dark counts of Bob's detectors, with Alice's shutter closed.

All wires are swept together until each has latched: that harms none, and the current
at which it happens says how far below it to stay (BENCHES, calibration step 1).
Detectors in modules that nothing sets are only counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qkdlab.calibration.bias import (
    BiasSweep,
    dark_rate,
    switching_current_ua,
    working_bias_ua,
)
from qkdlab.calibration.measured import Measured
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator, BiasSource
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.parameters import Bb84Parameters, BiasSearch

__all__ = ["LATCH_MV", "alice", "bias_on", "bob", "refuse_ill", "sweep_bias"]

LATCH_MV = 100.0
"""Over a wire that has latched; 10 mV below, volts above (BENCHES, interlock) [run]."""
_MOST_OF_PREDICTED = 1.5
"""As the interlock has it for tags."""
_BIAS_STEP_UA = 0.01
"""Resolution of the current source [guess]."""
_VALID_S = 86_400.0
_SOURCE = "bias sweep in the dark"


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Keep the shutter closed while Bob counts."""
    attenuator: Attenuator = ctx.roles["attenuator"]
    attenuator.set_shutter_open(False)
    ctx.conversation.send("shutter-closed")
    ctx.conversation.receive("detectors-dark")
    return StepOutcome()


def bob(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Sweep the bias, choose it, and count in the dark; the bias is left on."""
    detectors: BiasSource = ctx.roles["detectors"]
    ctx.conversation.receive("shutter-closed")
    if detectors.bias_capabilities().is_fixed:
        outcome = _count_fixed(ctx, detectors)
    else:
        search = ctx.parameters.detection.bias_search
        outcome = _judge(ctx, sweep_bias(detectors, search))
    ctx.conversation.send("detectors-dark")
    return outcome


def sweep_bias(detectors: BiasSource, search: BiasSearch) -> list[BiasSweep]:
    """Return one sweep per wire; all are at zero bias before and after.

    Currents that somebody left set would flow at once when the source is switched on,
    and a wire that latched recovers only at zero.
    """
    n = detectors.bias_capabilities().n_detectors
    detectors.set_bias_ua([0.0] * n)
    detectors.set_enabled(True)
    points: list[list[tuple[float, float, float]]] = [[] for _ in range(n)]
    latched = [False] * n
    most_ua = detectors.bias_capabilities().max_bias_ua
    for bias_ua in (b for b in search.points_ua() if b <= most_ua):
        detectors.set_bias_ua([0.0 if stuck else bias_ua for stuck in latched])
        rates_hz = detectors.count_rates_hz(search.count_s)
        voltages_mv = detectors.get_voltages_mv()
        for d in range(n):
            if not latched[d]:
                points[d].append((bias_ua, voltages_mv[d], rates_hz[d]))
                latched[d] = abs(voltages_mv[d]) > LATCH_MV
        if all(latched):
            break
    detectors.set_bias_ua([0.0] * n)
    columns = [np.array(list(zip(*mine, strict=True))) for mine in points]
    return [BiasSweep(b, v, r, search.count_s) for b, v, r in columns]


def bias_on(ctx: PartyContext[Bb84Parameters]) -> None:
    """Set the calibrated bias currents if they do not flow; the light must be off."""
    detectors: BiasSource = ctx.roles["detectors"]
    n = detectors.bias_capabilities().n_detectors
    bias_ua = [ctx.calibration.value(f"bias_ua_{d}") for d in range(n)]
    detectors.set_bias_ua([0.0] * n)
    detectors.set_enabled(True)
    detectors.set_bias_ua(bias_ua)


def refuse_ill(ctx: PartyContext[Bb84Parameters], rates_hz: Sequence[float]) -> None:
    """Switch the detectors off and end the step when they are ill in the light.

    rates_hz: counted just now

    Voltages are asked only when some wire counts less than a hundredth of its share:
    one that has latched counts nothing. Raises SecurityAbort(DETECTOR_ALARM).
    """
    detectors: BiasSource = ctx.roles["detectors"]
    total_hz = float(sum(rates_hz))
    limit_hz = _MOST_OF_PREDICTED * ctx.parameters.detection.predicted_rate_hz
    ill: tuple[str, dict[str, float | int | str]] | None = None
    if total_hz > limit_hz:
        numbers: dict[str, float | int | str]
        numbers = {"rate_hz": total_hz, "max_rate_hz": limit_hz}
        ill = "total count rate above the limit", numbers
    elif min(rates_hz) < 0.01 * total_hz / len(rates_hz):
        for d, voltage_mv in enumerate(detectors.get_voltages_mv()):
            if abs(voltage_mv) > LATCH_MV:
                ill = f"detector {d} has latched", {"voltage_mv": voltage_mv}
    if ill is not None:
        detectors.safe_state()
        raise SecurityAbort(AbortCode.DETECTOR_ALARM, *ill)


def _judge(ctx: PartyContext[Bb84Parameters], sweeps: list[BiasSweep]) -> StepOutcome:
    """Choose the bias of each wire, set it, count, and say what is wrong."""
    p = ctx.parameters
    detectors: BiasSource = ctx.roles["detectors"]
    chosen = [
        working_bias_ua(
            sweep,
            latch_mv=LATCH_MV,
            greatest_ua=p.detection.bias_ua[d],
            share_of_switching=p.detection.bias_search.share_of_switching,
            max_dark_rate_hz=p.detection.max_dark_rate_hz,
        )
        for d, sweep in enumerate(sweeps)
    ]
    bias_ua = [0.0 if wanted is None else wanted for wanted in chosen]
    detectors.set_bias_ua(bias_ua)
    counted_s = p.calibration.dark_count_s
    rates = [dark_rate(r, counted_s) for r in detectors.count_rates_hz(counted_s)]
    voltages_mv = detectors.get_voltages_mv()
    _refuse_light(p, [*(r.value for r in rates), *_least_rates_hz(sweeps, chosen)])
    switching = [_switching(sweep) for sweep in sweeps]
    problem = next(
        (
            said
            for d, wanted in enumerate(chosen)
            if (said := _problem(p, d, wanted, rates[d], voltages_mv[d])) is not None
        ),
        None,
    )
    return StepOutcome(
        records=tuple(_records(ctx, bias_ua, rates)),
        figures={
            "bias_ua": bias_ua,
            "dark_rate_hz": [rate.value for rate in rates],
            "dark_rate_uncertainty_hz": [rate.uncertainty for rate in rates],
            "voltage_mv": voltages_mv,
            "switching_current_ua": [s.value if s else None for s in switching],
        },
        curves=tuple(
            _curve(d, sweep, bias_ua[d], switching[d]) for d, sweep in enumerate(sweeps)
        ),
        problem=problem,
    )


def _count_fixed(
    ctx: PartyContext[Bb84Parameters], detectors: BiasSource
) -> StepOutcome:
    """Count detectors in the dark whose bias nobody sets."""
    counted_s = ctx.parameters.calibration.dark_count_s
    rates = [dark_rate(r, counted_s) for r in detectors.count_rates_hz(counted_s)]
    _refuse_light(ctx.parameters, [rate.value for rate in rates])
    silent = [d for d, rate in enumerate(rates) if rate.value == 0.0]
    problem = None
    if silent:
        problem = (
            f"detector {silent[0]} gives no dark count; look at its power, its cable "
            "and at its trigger level"
        )
    return StepOutcome(
        records=tuple(_records(ctx, [0.0] * len(rates), rates)),
        figures={
            "dark_rate_hz": [rate.value for rate in rates],
            "dark_rate_uncertainty_hz": [rate.uncertainty for rate in rates],
        },
        problem=problem,
    )


def _least_rates_hz(sweeps: list[BiasSweep], chosen: list[float | None]) -> list[float]:
    """Return the first dark rates of wires that are sound and have no good bias."""
    pairs = zip(sweeps, chosen, strict=True)
    return [
        float(sweep.rates_hz[0])
        for sweep, wanted in pairs
        if wanted is None and not sweep.latched(LATCH_MV)[0]
    ]


def _refuse_light(p: Bb84Parameters, rates_hz: list[float]) -> None:
    if max(rates_hz) > p.detection.max_dark_rate_hz:
        raise SecurityAbort(
            AbortCode.DARK_RATE_ABOVE_LIMIT,
            "a detector counts too much with Alice's shutter closed; look for light "
            "that leaks in",
            {"rate_hz": max(rates_hz), "limit_hz": p.detection.max_dark_rate_hz},
        )


def _switching(sweep: BiasSweep) -> Measured | None:
    try:
        return switching_current_ua(sweep, LATCH_MV)
    except ValueError:
        return None


def _problem(
    p: Bb84Parameters,
    detector: int,
    bias_ua: float | None,
    rate: Measured,
    voltage_mv: float,
) -> str | None:
    """Return what is wrong with one wire, and what to do."""
    if bias_ua is None:
        return (
            f"detector {detector} is latched or counts too much in the dark at every "
            f"bias of the sweep (limit {p.detection.max_dark_rate_hz:g} Hz); look at "
            "the cryostat's temperature and at the bias line"
        )
    if abs(voltage_mv) > LATCH_MV:
        return (
            f"detector {detector} latched at its working bias of {bias_ua:g} uA; "
            "lower detection.bias_ua or bias_search.share_of_switching"
        )
    if rate.value == 0.0:
        return (
            f"detector {detector} gives no dark count at {bias_ua:g} uA; look at its "
            "cable and at its trigger level"
        )
    return None


def _records(
    ctx: PartyContext[Bb84Parameters], bias_ua: list[float], rates: list[Measured]
) -> list[CalibrationRecord]:
    book = ctx.calibration
    made = []
    for d, (bias, rate) in enumerate(zip(bias_ua, rates, strict=True)):
        made += [
            book.measured(
                f"bias_ua_{d}",
                bias,
                "uA",
                _BIAS_STEP_UA / 12**0.5,
                valid_for_s=_VALID_S,
                source=_SOURCE,
            ),
            book.measured(
                f"dark_rate_hz_{d}",
                rate.value,
                "Hz",
                rate.uncertainty,
                valid_for_s=_VALID_S,
                source=_SOURCE,
            ),
        ]
    return made


def _curve(
    detector: int, sweep: BiasSweep, bias_ua: float, switching: Measured | None
) -> Curve:
    sound = ~sweep.latched(LATCH_MV)
    x, y = sweep.bias_ua[sound], sweep.rates_hz[sound]
    errors = [dark_rate(float(rate), sweep.counted_s).uncertainty for rate in y]
    marks = {"working bias": bias_ua}
    if switching is not None:
        marks["switching"] = switching.value
    return Curve(
        f"Dark counts of detector {detector}",
        "bias (uA)",
        "dark rate (Hz)",
        tuple(x.tolist()),
        tuple(y.tolist()),
        tuple(errors),
        marks=marks,
    )
