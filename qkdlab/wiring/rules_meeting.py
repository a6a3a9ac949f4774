"""Rules of two lasers whose light meets: inputs of the splitter, reference, colours."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.channel_parts import LIGHT_SPEED_M_S
from qkdlab.wiring.parts import BeamSplitter, Clock, Laser
from qkdlab.wiring.view import BenchView

__all__ = ["colours", "inputs", "one_reference"]

TIME_BANDWIDTH = 0.441
"""Width in time times width in frequency of a Gaussian pulse without chirp."""


def inputs(view: BenchView) -> Iterator[Problem]:
    """Check that several lasers meet, each at an input of its own."""
    lasers = view.graph.parts_of(Laser)
    met = _met(view)
    for name, (first, second) in met.items():
        if first & second:
            yield view.part(
                name,
                "",
                f"'{min(first & second)}' lights both inputs; lead another laser to "
                f"{name}.in2, or leave it open",
            )
    apart = set(lasers) - {one for pair in met.values() for one in pair[0] | pair[1]}
    if len(lasers) > 1:
        for name in sorted(apart):
            yield view.part(
                name,
                "",
                "meets no other light; lead two lasers to in and in2 of one "
                "beam_splitter, or leave one out",
            )


def one_reference(view: BenchView) -> Iterator[Problem]:
    """Check that the clocks of lasers that meet share their reference.

    1 ppm between two lets pulses slide past each other by 10 ps in 10 us.
    """
    for first, second in _pairs(view):
        one, other = _clock(view, first), _clock(view, second)
        if one is None or other is None or one == other:
            continue
        if _reference(view, one) == _reference(view, other):
            continue
        yield view.part(
            other,
            "",
            f"runs on a reference of its own beside '{one}': the pulses of '{second}' "
            f"would slide past those of '{first}'; lead a reference from "
            f"{_reference(view, one)}.ref_out to {other}.ref_in",
        )


def colours(view: BenchView) -> Iterator[Problem]:
    """Warn of lasers whose labels leave their pulses nothing in common."""
    for first, second in _pairs(view):
        lasers = view.graph.parts_of(Laser)
        one, other = lasers[first], lasers[second]
        apart_ghz = abs(_ghz(one) - _ghz(other))
        width_ghz = 1e3 * TIME_BANDWIDTH / min(one.pulse_fwhm_ps, other.pulse_fwhm_ps)
        if apart_ghz > width_ghz:
            yield view.part(
                second,
                "wavelength_nm",
                f"{apart_ghz:.3g} GHz from '{first}', whose pulses are {width_ghz:.3g} "
                "GHz wide: they would hardly interfere; choose lasers of one "
                "wavelength_nm, or tune one by its temperature",
                "warning",
            )


def _ghz(laser: Laser) -> float:
    """Return the optical frequency: m/s over nm is GHz."""
    return LIGHT_SPEED_M_S / laser.wavelength_nm


def _met(view: BenchView) -> dict[str, tuple[set[str], set[str]]]:
    """Return the lasers at both inputs of each beam splitter whose second is wired."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for name in view.graph.parts_of(BeamSplitter):
        if view.graph.entering(name, "in2") is not None:
            found[name] = set(), set()
    for laser in view.graph.parts_of(Laser):
        for path in view.graph.optical_paths(laser):
            for stage in path.stages:
                if stage.name in found:
                    found[stage.name][stage.entry == "in2"].add(laser)
    return found


def _pairs(view: BenchView) -> list[tuple[str, str]]:
    """Return lasers that meet: at the first input, at the second."""
    return [
        (min(first), min(second))
        for first, second in _met(view).values()
        if first and second and not first & second
    ]


def _clock(view: BenchView, laser: str) -> str | None:
    chain = view.graph.chain(laser, "clock")
    if chain is None or not isinstance(view.wiring.parts[chain.source[0]], Clock):
        return None
    return chain.source[0]


def _reference(view: BenchView, clock: str) -> str:
    """Return the part on whose time base a clock runs."""
    seen = [clock]
    while (link := view.graph.entering(seen[-1], "ref_in")) is not None:
        if link.source[0] in seen:
            break
        seen.append(link.source[0])
    return seen[-1]
