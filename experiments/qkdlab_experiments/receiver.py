"""Bob's receiver before a block: detectors under bias, dark counts, plates."""

from __future__ import annotations

import numpy as np

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import BiasSource, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.slots import SlotClicks
from qkdlab_experiments.acquisition import (
    acquire_clicks,
    align,
    click_rate_hz,
    find_slots,
)
from qkdlab_experiments.frame import header_template, polarimetry_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import align_polarization

__all__ = ["align_plates", "bring_up_detectors", "check_dark_counts"]


def bring_up_detectors(ctx: PartyContext[Bb84Parameters]) -> None:
    """Switch the detectors on at zero current, then set their bias.

    Currents that somebody left set would flow at once; a wire that latched recovers
    only at zero. The light must be off.
    """
    detectors: BiasSource = ctx.roles["detectors"]
    bias_ua = list(ctx.parameters.detection.bias_ua)
    detectors.set_bias_ua([0.0] * len(bias_ua))
    detectors.set_enabled(True)
    detectors.set_bias_ua(bias_ua)


def check_dark_counts(ctx: PartyContext[Bb84Parameters]) -> None:
    """Count with Alice's shutter closed.

    Raises SecurityAbort(DARK_RATE_ABOVE_LIMIT): light leaks in or a detector is ill.
    """
    p = ctx.parameters
    rates = ctx.roles["detectors"].count_rates_hz(p.calibration.dark_count_s)
    now_ps = ctx.clock.now_ps()
    for detector, rate_hz in enumerate(rates):
        ctx.recorder.monitor(f"dark_rate_hz/{detector}", rate_hz, now_ps)
    ctx.recorder.result("dark_rates_hz", list(rates))
    if max(rates) > p.detection.max_dark_rate_hz:
        raise SecurityAbort(
            AbortCode.DARK_RATE_ABOVE_LIMIT,
            "a detector counts too much with Alice's shutter closed",
            {"rate_hz": max(rates), "limit_hz": p.detection.max_dark_rate_hz},
        )


def align_plates(ctx: PartyContext[Bb84Parameters]) -> None:
    """Turn the plates to where Alice's states meet Bob's splitters."""
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    fit, blocks = find_slots(receiver, p, header_template(p))
    receiver.stop()
    alignment = align(fit, p)
    wanted_s = p.calibration.polarimetry_clicks / max(1.0, click_rate_hz(blocks))
    least_s = p.calibration.polarimetry_s

    def acquire(seconds: float) -> SlotClicks:
        return acquire_clicks(receiver, p, alignment, seconds)

    found = align_polarization(
        ctx.roles["compensator"],
        acquire,
        polarimetry_frame(p) & np.uint8(3),
        receiver.channels,
        seconds_per_setting=min(max(wanted_s, least_s), 10 * least_s),
        qber_max=p.calibration.polarization_qber_max,
        progress=ctx.progress,
    )
    ctx.recorder.result(
        "polarization",
        {
            "angles_deg": list(found.angles_deg),
            "zero_errors_deg": list(found.zero_errors_deg),
            "qber_x": found.qber_x,
            "qber_z": found.qber_z,
            "fit_residual": found.fit_residual,
        },
    )
