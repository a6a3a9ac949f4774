"""Rules of the laser: what drives it, the current's limit, what it pumps."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.graph import Chain
from qkdlab.wiring.parts import Amplifier, Clock, Laser, PairSource, PulseFormer
from qkdlab.wiring.view import BenchView

__all__ = ["laser_current", "pair_energy", "pulse_former"]

_PAIR_TOLERANCE = 0.1
"""By which the mean wavelength of a pair may miss twice that of its pump."""


def pulse_former(view: BenchView) -> Iterator[Problem]:
    """Check that the clock's sine is one that the pulse former makes pulses of."""
    for name, part in view.graph.parts_of(PulseFormer).items():
        chain = view.graph.chain(name, "in")
        clock = view.wiring.parts[chain.source[0]] if chain else None
        if chain is None or not isinstance(clock, Clock):
            continue
        off = abs(clock.frequency_hz / part.centre_hz - 1.0)
        if off > part.bandwidth_rel / 2:
            yield view.part(
                name,
                "centre_hz",
                f"made for {part.centre_hz:.6g} Hz within {part.bandwidth_rel:.2g}, "
                f"but '{chain.source[0]}' gives {clock.frequency_hz:.6g} Hz; take the "
                "former for the clock's frequency",
            )
        yield from _level(view, name, part, chain, clock)


def _level(
    view: BenchView, name: str, part: PulseFormer, chain: Chain, clock: Clock
) -> Iterator[Problem]:
    """Check the sine: what the experiment sets, or the label where it sets nothing."""
    told_dbm = view.demand.clock_power_dbm
    limit_dbm = view.limits(clock.instrument).get("max_output_dbm")
    power_dbm = clock.power_dbm if told_dbm is None else told_dbm
    message = None
    if limit_dbm is not None and power_dbm > limit_dbm:
        message = f"{power_dbm:g} dBm; {clock.instrument} gives {limit_dbm:g} dBm"
    elif not any(isinstance(view.wiring.parts[p], Amplifier) for p in chain.parts):
        here_dbm = power_dbm - sum(link.cable.loss_db for link in chain.links)
        if here_dbm < part.min_input_dbm:
            message = (
                f"{power_dbm:g} dBm, {here_dbm:.3g} dBm of it at '{name}', which makes "
                f"no pulses below {part.min_input_dbm:g} dBm; raise it, or shorten the "
                "cable"
            )
    if message is None:
        return
    if told_dbm is None:
        yield view.part(chain.source[0], "power_dbm", message)
    else:
        place = ("calibration", "source", "clock_power_dbm")
        yield view.parameter(place, message)


def laser_current(view: BenchView) -> Iterator[Problem]:
    """Check that the current's limit spares the diode and lies above threshold."""
    for name, part in view.graph.parts_of(Laser).items():
        limit_ma = view.option(part.instrument, "current_limit_ma")
        if limit_ma is None:
            continue
        message = None
        if limit_ma > part.max_current_ma:
            message = (
                f"{limit_ma:g} mA, but '{name}' bears {part.max_current_ma:g} mA by "
                "its label; lower it"
            )
        elif limit_ma <= part.threshold_ma:
            message = (
                f"{limit_ma:g} mA, but '{name}' begins to lase at about "
                f"{part.threshold_ma:g} mA: no sweep would find its threshold; raise it"
            )
        if message is not None:
            yield view.set_option(part.instrument, ("current_limit_ma",), message)


def pair_energy(view: BenchView) -> Iterator[Problem]:
    """Check that a photon of the pump has the energy of a pair.

    Signal and idler have one wavelength on the label, twice that of the pump.
    """
    lasers = list(view.graph.parts_of(Laser).items())
    for name, part in view.graph.parts_of(PairSource).items():
        for laser_name, laser in lasers:
            wanted_nm = 2.0 * laser.wavelength_nm
            if abs(part.wavelength_nm / wanted_nm - 1.0) <= _PAIR_TOLERANCE:
                continue
            yield view.part(
                name,
                "wavelength_nm",
                f"{part.wavelength_nm:g} nm, but '{laser_name}' pumps it at "
                f"{laser.wavelength_nm:g} nm: a photon of it makes two of about "
                f"{wanted_nm:g} nm",
            )
