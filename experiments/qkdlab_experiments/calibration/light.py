"""Alice's light for public patterns, before and after her intensities are known."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator, PowerMeter, Transmitter
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import light_on, wait_for_tap
from qkdlab_experiments.intensity import photon_energy_j
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["bring_to_level", "relative_transmissions", "set_rough_level"]


def relative_transmissions(p: Bb84Parameters) -> dict[int, float]:
    """Return the modulator transmission of each class, relative to the signal's."""
    photons = [c.mean_photon_number for c in p.intensities.ordered()]
    return {k: photons[k] / photons[0] for k in range(len(CLASSES))}


def set_rough_level(ctx: PartyContext[Bb84Parameters]) -> float:
    """Set the attenuator so that bright symbols hold about the signal's photons.

    From one look at the tap with the shutter closed and the certificates of tap and
    meter, to a few per cent: public patterns need no more. Returns the attenuation in
    dB. The shutter is left closed, the modulators at rest.

    Raises SecurityAbort(INTENSITY_OUTSIDE_INTERVAL) when there is no light or the
    attenuator cannot reach that level.
    """
    p, book = ctx.parameters, ctx.calibration
    transmitter: Transmitter = ctx.roles["transmitter"]
    attenuator: Attenuator = ctx.roles["attenuator"]
    meter: PowerMeter = ctx.roles["tap_meter"]
    light_on(ctx)
    transmitter.upload(
        np.zeros(p.pattern.header_symbols, np.uint8),
        {0: 1.0},
        samples_per_symbol=p.pattern.samples_per_symbol,
        symbol_period_ps=p.symbol_period_ps,
        polarization_v=np.zeros(p.pattern.header_symbols),
    )
    transmitter.start()
    wait_for_tap(ctx, p.calibration.settle_s)
    bright_w = fmean(meter.read_power_w(3))
    transmitter.stop()
    output_w = bright_w * book.value("tap_to_output_ratio") / book.value("meter_scale")
    joules = photon_energy_j(p.wavelength_nm)
    photons = output_w * p.symbol_period_ps * 1e-12 / joules
    wanted = p.intensities.signal.mean_photon_number
    limits = attenuator.attenuator_capabilities()
    scale = book.value("attenuator_scale")
    needed_db = 10 * float(np.log10(max(photons, 1e-12) / wanted)) / scale
    if not limits.min_db <= needed_db <= limits.max_db:
        raise SecurityAbort(
            AbortCode.INTENSITY_OUTSIDE_INTERVAL,
            "the attenuator cannot reach the signal's mean photon number",
            {"needed_db": needed_db, "max_db": limits.max_db, "tap_w": bright_w},
        )
    attenuator.set_attenuation_db(needed_db)
    return needed_db


def bring_to_level(ctx: PartyContext[Bb84Parameters]) -> None:
    """Set the attenuator to its calibrated value; roughly where there is none yet."""
    attenuator: Attenuator = ctx.roles["attenuator"]
    if not ctx.calibration.knows("attenuation_db"):
        set_rough_level(ctx)
        return
    light_on(ctx)
    attenuator.set_attenuation_db(ctx.calibration.value("attenuation_db"))
