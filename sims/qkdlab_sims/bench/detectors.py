"""Detectors of a bench: from parts of the wiring to a bank that the engine takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import Snspd, Spad, SpadGate
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.detector import DetectorBank, DetectorParameters
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad as Diode
from qkdlab_sims.optics.spad.traps import traps_of

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
) -> Bank:
    """Return the bank of a bench's detectors, which are of one kind.

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
            hold_back_ps = _hold_back_ps([d.jitter_fwhm_ps for d in made])
            return SpadBank(made, arrivals, period_ps, seed, hold_back_ps=hold_back_ps)
        return DetectorBank(
            tuple(wire_of(part) for part in wires), arrivals, period_ps, seed
        )
    except ValueError as error:
        raise ConfigError(f"wiring.parts: {error}") from error


def _hold_back_ps(jitter_fwhm_ps: Sequence[float]) -> int:
    """Return how long tags must wait: 5 ns, or 4 FWHM of the widest jitter."""
    return max(5_000, math.ceil(4.0 * max(jitter_fwhm_ps)))


def wire_of(part: Snspd) -> DetectorParameters:
    """Return the nanowire of a part."""
    given = part.readout
    readout = None
    if given is not None:
        rate_hz = given.latching_rate_hz
        readout = Readout(
            threshold=given.threshold,
            grows_jitter=given.grows_jitter,
            walk_ps=given.walk_ps,
            ac_coupling_ps=given.ac_coupling_ps,
            latching_rate_hz=math.inf if rate_hz is None else rate_hz,
            heating_ps=given.heating_ps,
            cooling_ps=given.cooling_ps,
        )
    return DetectorParameters(
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
        polarization_ratio=part.polarization_ratio,
    )


def diode_of(part: Spad) -> Diode:
    """Return the diode of a part at its bias and temperature."""
    diode = Diode(
        efficiency=part.efficiency,
        dark_rate_hz=part.dark_rate_hz,
        dead_time_ps=part.dead_time_ps,
        paralysable=part.paralysable,
        recovery_tau_ps=part.recovery_tau_ps,
        traps=traps_of(
            part.afterpulse_probability,
            part.afterpulse_tau_ps,
            part.afterpulse_shares,
            part.dead_time_ps,
        ),
        jitter_fwhm_ps=part.jitter_fwhm_ps,
        tail_fraction=part.jitter_tail_fraction,
        tail_ps=part.jitter_tail_tau_ps,
        walk_ps=part.walk_ps,
        walk_tau_ps=part.walk_tau_ps,
        gate=None if part.gate is None else _gate_of(part.gate),
        polarization_ratio=part.polarization_ratio,
        rated_excess_v=part.rated_excess_v,
        rated_k=part.rated_k,
        breakdown_v=part.breakdown_v,
    )
    if part.bias_v is None and part.temperature_k is None:
        return diode
    temperature_k = part.rated_k if part.temperature_k is None else part.temperature_k
    rated_v = part.breakdown_v + part.rated_excess_v
    return diode.at(rated_v if part.bias_v is None else part.bias_v, temperature_k)


def _gate_of(gate: SpadGate) -> Gate:
    return Gate(
        period_ps=gate.period_ps,
        width_ps=gate.width_ps,
        lead_ps=gate.lead_ps,
        edge_ps=gate.edge_ps,
        shape=gate.shape,
        persistence=gate.persistence,
        persistence_tau_ps=gate.persistence_tau_ps,
    )
