"""Detectors after an interlock tripped: off, rest, ramp, dark counts, on again.

The interlock itself acts in the station, before a tag is handed out, and ends the
block: no tag since the last healthy sample makes key (BENCHES, "Interlock"). What is
here happens between blocks, with Alice's light off.
"""

from __future__ import annotations

from qkdlab.calibration.bias import dark_rate
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import BiasSource
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.detectors import LATCH_MV
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["recover_detectors"]

_SIGMAS = 4.0
_SILENT_COUNTS = 10.0
"""Dark counts that were due, of which none came: by chance once in 2e4 times."""


def recover_detectors(ctx: PartyContext[Bb84Parameters]) -> None:
    """Bring the detectors back to their calibrated bias; the light must be off.

    Raises SecurityAbort(DETECTOR_ALARM) when they stay ill, with what was seen.
    """
    recovery = ctx.parameters.recovery
    ill: dict[str, float | int | str] = {}
    for attempt in range(recovery.attempts):
        _ramp(ctx)
        found = _illness(ctx)
        ctx.recorder.monitor("recovery_attempts", attempt + 1, ctx.clock.now_ps())
        if found is None:
            return
        ill = found
    ctx.roles["detectors"].safe_state()
    raise SecurityAbort(
        AbortCode.DETECTOR_ALARM,
        "the detectors do not recover; run the step 'detectors', look at the cryostat "
        "and for light that leaks in",
        ill,
    )


def _ramp(ctx: PartyContext[Bb84Parameters]) -> None:
    """Rest at zero bias, where a wire that latched recovers, then rise in steps."""
    recovery = ctx.parameters.recovery
    detectors: BiasSource = ctx.roles["detectors"]
    n = detectors.bias_capabilities().n_detectors
    working_ua = [ctx.calibration.value(f"bias_ua_{d}") for d in range(n)]
    detectors.set_bias_ua([0.0] * n)
    detectors.set_enabled(True)
    ctx.clock.sleep_until(ctx.clock.now_ps() + round(recovery.rest_s * 1e12))
    for step in range(1, recovery.ramp_steps + 1):
        detectors.set_bias_ua([i * step / recovery.ramp_steps for i in working_ua])


def _illness(
    ctx: PartyContext[Bb84Parameters],
) -> dict[str, float | int | str] | None:
    """Return what is wrong with a detector at its working bias; None when all is well.

    A dark rate must be what was calibrated, within counting noise, the uncertainty of
    its record and the drift that the configuration allows, and below its limit. One
    that counts nothing where some were due is ill, however uncertain its record is.
    """
    p, recovery = ctx.parameters, ctx.parameters.recovery
    detectors: BiasSource = ctx.roles["detectors"]
    counted_s = p.calibration.dark_count_s
    rates_hz = detectors.count_rates_hz(counted_s)
    voltages_mv = detectors.get_voltages_mv()
    now_ps = ctx.clock.now_ps()
    for d, (rate_hz, voltage_mv) in enumerate(zip(rates_hz, voltages_mv, strict=True)):
        ctx.recorder.monitor(f"dark_rate_hz/{d}", rate_hz, now_ps)
        ctx.recorder.monitor(f"snspd_voltage_mv/{d}", voltage_mv, now_ps)
        if abs(voltage_mv) > LATCH_MV:
            return {"detector": d, "voltage_mv": voltage_mv}
        record = ctx.calibration.record(f"dark_rate_hz_{d}")
        noise = dark_rate(rate_hz, counted_s).uncertainty ** 2
        # counts as calibrated would scatter, too: none are no proof of no noise
        noise += record.value / counted_s + record.uncertainty**2
        allowed_hz = _SIGMAS * noise**0.5 + recovery.dark_drift * record.value
        due = counted_s * record.value * max(0.0, 1.0 - recovery.dark_drift)
        off = abs(rate_hz - record.value) > allowed_hz
        off |= rate_hz == 0.0 and due > _SILENT_COUNTS
        if off or rate_hz > p.detection.max_dark_rate_hz:
            return {
                "detector": d,
                "dark_rate_hz": rate_hz,
                "calibrated_hz": record.value,
                "allowed_hz": allowed_hz,
            }
    return None
