"""What a part does to the light that passes it: nominal loss and delay."""

from __future__ import annotations

import math

from qkdlab.wiring.parts import (
    Amplifier,
    Awg,
    BeamSplitter,
    Circulator,
    Clock,
    DelayGenerator,
    Diffuser,
    Eavesdropper,
    Fibre,
    FixedLoss,
    FreeSpace,
    IntensityModulator,
    Interferometer,
    Laser,
    PairSource,
    Part,
    PhaseModulator,
    PolarizingSplitter,
    PowerMeterPart,
    PulseFormer,
    QuantumDot,
    SatellitePass,
    Snspd,
    Spad,
    Squeezer,
    Tagger,
    Tap,
    VariableAttenuator,
    VoltageSource,
    Waveplate,
)

__all__ = ["passage_db", "passage_ps"]


def passage_db(part: Part, out: str, entry: str = "in") -> float:
    """Return the nominal loss in dB on the way through a part, `entry` to `out`.

    Modulators count as fully open, a polarizing splitter as for unpolarized light, a
    variable attenuator as set to zero, an interferometer as for random phases.
    """
    match part:
        case FixedLoss() | Circulator() | Diffuser() | FreeSpace() | SatellitePass():
            return part.loss_db
        case IntensityModulator() | PhaseModulator() | VariableAttenuator():
            return part.insertion_loss_db
        case Fibre():
            return part.length_km * part.loss_db_per_km + part.excess_loss_db
        case Tap():
            share = part.tap_fraction if out == "tap" else 1.0 - part.tap_fraction
            return -10.0 * math.log10(share)
        case BeamSplitter():
            goes_through = (out == "x") == (entry == "in")
            share = part.x_fraction if goes_through else 1.0 - part.x_fraction
            return -10.0 * math.log10(share)
        case PolarizingSplitter():
            return 10.0 * math.log10(2.0)
        case Interferometer():
            return part.insertion_loss_db + 10.0 * math.log10(2.0)
        case (
            Amplifier()
            | Awg()
            | Clock()
            | DelayGenerator()
            | Eavesdropper()
            | Laser()
            | PairSource()
            | PowerMeterPart()
            | PulseFormer()
            | QuantumDot()
            | Snspd()
            | Spad()
            | Squeezer()
            | Tagger()
            | VoltageSource()
            | Waveplate()
        ):
            return 0.0


def passage_ps(part: Part) -> int:
    """Return how long light takes through a part."""
    if isinstance(part, Fibre):
        return round(part.length_km * part.delay_ps_per_km)
    if isinstance(part, FreeSpace | SatellitePass):
        return part.delay_ps
    return 0
