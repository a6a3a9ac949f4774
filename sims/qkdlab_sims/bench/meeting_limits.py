"""What the simulated world has not where two lights meet, refused with ConfigError."""

from __future__ import annotations

import math

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import (
    Eavesdropper,
    Fibre,
    Interferometer,
    QuantumDot,
    SatellitePass,
    Snspd,
    Spad,
)
from qkdlab_sims.bench.channel import span_of
from qkdlab_sims.bench.emitter import Emitter
from qkdlab_sims.bench.ways import LightWays

__all__ = ["dots_of", "refuse_unlike"]


def refuse_unlike(first: LightWays, second: LightWays) -> None:
    """Raise ConfigError for two arms whose light the world cannot let meet."""
    detectors = [[way.name for way in ways.detectors] for ways in (first, second)]
    if detectors[0] != detectors[1]:
        raise ConfigError(
            "wiring.cables: two lights meet before all detectors or before none; lead "
            "both outputs of the beam_splitter, and nothing else, to the detectors"
        )
    if first.source.period_ps != second.source.period_ps:
        raise ConfigError(
            "wiring.parts: lights that meet have one pulse rate; give both clocks one "
            "frequency_hz"
        )
    for ways in (first, second):
        _refuse_parts(ways)
    lasers = first.source.laser, second.source.laser
    shapes = [
        (one.pulse_fwhm_ps, one.pulses.chirp if one.pulses else 0) for one in lasers
    ]
    if shapes[0] != shapes[1]:
        names = [f"'{ways.source.laser_name}'" for ways in (first, second)]
        told = [
            f"{name} has {fwhm_ps:g} ps and chirp {chirp:g}"
            for name, (fwhm_ps, chirp) in zip(names, shapes, strict=True)
        ]
        raise ConfigError(
            f"wiring.parts.{second.source.laser_name}.pulse_fwhm_ps: the simulated "
            f"world lets pulses of one shape meet, but {', '.join(told)}; give both "
            "lasers one pulse_fwhm_ps and one pulses.chirp"
        )
    spread_ps2 = [_dispersion_ps2(ways) for ways in (first, second)]
    if not math.isclose(*spread_ps2, rel_tol=1e-6, abs_tol=1e-9):
        raise ConfigError(
            "wiring.parts: the simulated world takes one dispersion in both arms; give "
            "both the same length_km x dispersion_ps_per_nm_km"
        )


def dots_of(emitters: tuple[Emitter | None, Emitter | None]) -> tuple[QuantumDot, ...]:
    """Return both arms' dots, none of two lasers; ConfigError for anything else."""
    parts = [None if one is None else one.part for one in emitters]
    if parts == [None, None]:
        return ()
    dots = [part for part in parts if isinstance(part, QuantumDot)]
    if len(dots) != 2:
        raise ConfigError(
            "wiring.parts: the simulated world lets two lasers meet or two "
            "quantum_dots, one in each arm"
        )
    for dot in dots:
        if dot.g2_emitter or dot.noise_photons or dot.off_time_ps:
            raise ConfigError(
                "wiring.parts: the simulated world takes dots that meet with one "
                "photon a pulse at most, always on; give them no g2_emitter, "
                "noise_photons and off_time_ps"
            )
    if dots[0].lifetime_ps != dots[1].lifetime_ps:
        raise ConfigError(
            "wiring.parts: the simulated world lets photons of one shape meet; give "
            "both dots one lifetime_ps"
        )
    return tuple(dots)


def _refuse_parts(ways: LightWays) -> None:
    for stage in (stage for path in ways.paths for stage in path.stages):
        part = stage.part
        is_unknown = isinstance(part, Interferometer | SatellitePass)
        if isinstance(part, Eavesdropper):
            is_unknown = part.attack != "none"
        elif isinstance(part, Fibre):
            moves = part.temperature is not None or part.reflections is not None
            is_unknown = moves or part.pmd_ps_per_sqrt_km > 0.0
        if is_unknown:
            raise ConfigError(
                f"wiring.parts.{stage.name}: where two lights meet, the simulated "
                "world takes no interferometer, satellite_pass or acting eavesdropper, "
                "and fibres without temperature, reflections and pmd_ps_per_sqrt_km"
            )
        can_blind = isinstance(part, Snspd) and part.bright is not None
        if can_blind or (isinstance(part, Spad) and part.network is not None):
            raise ConfigError(
                f"wiring.parts.{stage.name}: where two lights meet, the simulated "
                "world takes detectors that are not blinded; give no bright or network"
            )
    if ways.modulator is not None:
        raise ConfigError(
            "wiring.parts: where two lights meet, the simulated world takes no "
            "receiver that chooses by a modulator"
        )


def _dispersion_ps2(ways: LightWays) -> float:
    nm = ways.source.laser.wavelength_nm
    fibres = [s.part for s in ways.paths[0].stages if isinstance(s.part, Fibre)]
    return sum(span_of(part).dispersion_ps2(nm) for part in fibres)
