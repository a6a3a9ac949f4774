"""Detectors of a bench: from parts of the wiring to a bank that the engine takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qkdlab.errors import ConfigError
from qkdlab.wiring.detector_parts import BREAKDOWN_V_PER_K
from qkdlab.wiring.parts import Snspd, Spad
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.detector import DetectorBank, DetectorParameters
from qkdlab_sims.optics.readout.bright import BrightWire
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.network import Network
from qkdlab_sims.optics.spad.parameters import Spad as Diode
from qkdlab_sims.optics.spad.traps import Trap, trap_spectrum, traps_of

__all__ = ["AlwaysOn", "detector_bank", "diode_of", "wire_of"]


class AlwaysOn:
    """The bias of a detector in a module that nothing sets."""

    def bias_ua(self) -> Sequence[float]:
        """Return a positive number: on."""
        return (1.0,)


def detector_bank(
    parts: Sequence[Snspd | Spad],
    arrival_ps: Sequence[int],
    period_ps: int,
    seed: int,
    blur_fwhm_ps: float = 0.0,
    name: str = "detectors",
) -> Bank:
    """Return the bank of a bench's detectors, which are of one kind.

    blur_fwhm_ps: width of the light's pulses with all that widens them
    name: keys the bank's random numbers

    Raises ConfigError for two kinds, and for values that no detector can have.
    """
    wires = [part for part in parts if isinstance(part, Snspd)]
    diodes = [part for part in parts if isinstance(part, Spad)]
    if wires and diodes:
        raise ConfigError(
            "wiring.parts: the simulated world takes detectors of one kind, all snspd "
            "or all spad"
        )
    arrivals = tuple(arrival_ps)
    try:
        if diodes:
            made = tuple(diode_of(part) for part in diodes)
            hold_back_ps = _hold_back_ps(blur_fwhm_ps, [d.jitter_fwhm_ps for d in made])
            return SpadBank(
                made, arrivals, period_ps, seed, name, hold_back_ps=hold_back_ps
            )
        hold_back_ps = _hold_back_ps(blur_fwhm_ps, [w.jitter_fwhm_ps for w in wires])
        return DetectorBank(
            tuple(wire_of(part) for part in wires),
            arrivals,
            period_ps,
            seed,
            name,
            hold_back_ps=hold_back_ps,
        )
    except ValueError as error:
        raise ConfigError(f"wiring.parts: {error}") from error


def _hold_back_ps(blur_fwhm_ps: float, jitter_fwhm_ps: Sequence[float]) -> int:
    """Return how long tags must wait: 5 ns, or 4 FWHM of light and widest jitter."""
    return max(5_000, math.ceil(4.0 * (blur_fwhm_ps + max(jitter_fwhm_ps))))


def wire_of(part: Snspd) -> DetectorParameters:
    """Return the nanowire of a part at its temperature."""
    given = part.readout
    readout = None
    if given is not None:
        readout = Readout(**given.model_dump(exclude_none=True))
    wire = DetectorParameters(
        efficiency_max=part.efficiency_max,
        i_half_ua=part.i_half_ua,
        width_ua=part.width_ua,
        switching_current_ua=part.switching_current_ua,
        dark_floor_hz=part.dark_floor_hz,
        dark_i0_ua=part.dark_i0_ua,
        dark_slope_per_ua=part.dark_slope_per_ua,
        recovery_tau_ps=part.recovery_tau_ps,
        jitter_fwhm_ps=part.jitter_fwhm_ps,
        tail_fraction=part.jitter_tail_fraction,
        tail_ps=part.jitter_tail_tau_ps,
        readout=readout,
        bright=None if part.bright is None else BrightWire(**part.bright.model_dump()),
        polarization_ratio=part.polarization_ratio,
        retrapping_ua=part.retrapping_ua,
        rated_k=part.rated_k,
        critical_k=part.critical_k,
    )
    if part.temperature_k is None:
        return wire
    return wire.at_temperature(part.temperature_k)


def _traps(part: Spad) -> tuple[Trap, ...]:
    probability, continuum = part.afterpulse_probability, part.afterpulse_spectrum
    if continuum is not None:
        edges = continuum.shortest_ps, continuum.longest_ps
        return trap_spectrum(probability, *edges, part.dead_time_ps)
    return traps_of(
        probability, part.afterpulse_tau_ps, part.afterpulse_shares, part.dead_time_ps
    )


def diode_of(part: Spad) -> Diode:
    """Return the diode of a part at its bias and temperature."""
    diode = Diode(
        efficiency=part.efficiency,
        dark_rate_hz=part.dark_rate_hz,
        dead_time_ps=part.dead_time_ps,
        paralysable=part.paralysable,
        recovery_tau_ps=part.recovery_tau_ps,
        traps=_traps(part),
        jitter_fwhm_ps=part.jitter_fwhm_ps,
        tail_fraction=part.jitter_tail_fraction,
        tail_ps=part.jitter_tail_tau_ps,
        walk_ps=part.walk_ps,
        walk_tau_ps=part.walk_tau_ps,
        gate=None if part.gate is None else Gate(**part.gate.model_dump()),
        network=None if part.network is None else Network(**part.network.model_dump()),
        polarization_ratio=part.polarization_ratio,
        rated_excess_v=part.rated_excess_v,
        rated_k=part.rated_k,
        breakdown_v=part.breakdown_v,
        breakdown_per_k=BREAKDOWN_V_PER_K,
    )
    if part.bias_v is None and part.temperature_k is None:
        return diode
    temperature_k = part.rated_k if part.temperature_k is None else part.temperature_k
    rated_v = part.breakdown_v + part.rated_excess_v
    return diode.at(rated_v if part.bias_v is None else part.bias_v, temperature_k)
