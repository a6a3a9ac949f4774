"""Rules of time: what must fit between one pulse of the laser and the next."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.problems import Problem
from qkdlab.wiring.parts import Clock, Eavesdropper, Laser, Spad
from qkdlab.wiring.view import BenchView

__all__ = ["eavesdropper_shift", "gate_period", "pulse_period_ps", "pulse_timing"]


def pulse_period_ps(view: BenchView, laser: str) -> float | None:
    """Return the period of the clock that drives a laser, or None without one."""
    chain = view.graph.chain(laser, "clock")
    clock = view.wiring.parts[chain.source[0]] if chain else None
    return 1e12 / clock.frequency_hz if isinstance(clock, Clock) else None


def pulse_timing(view: BenchView) -> Iterator[Problem]:
    """Check that pulses are short, and jitter little, against their period.

    At half a period of width neighbours meet at 1/16 of their height; at a quarter of
    a period of jitter one pulse in 20 leaves its own slot.
    """
    for name, laser in view.graph.parts_of(Laser).items():
        period_ps = pulse_period_ps(view, name)
        if period_ps is None:
            continue
        if laser.pulse_fwhm_ps > period_ps / 2:
            yield view.part(
                name,
                "pulse_fwhm_ps",
                f"{laser.pulse_fwhm_ps:g} ps, but a pulse comes every {period_ps:g} "
                "ps: they would run into each other; give at most "
                f"{period_ps / 2:g} ps",
            )
        if laser.pulses and laser.pulses.jitter_rms_ps > period_ps / 4:
            yield view.part(
                name,
                "pulses.jitter_rms_ps",
                f"{laser.pulses.jitter_rms_ps:g} ps, but a pulse comes "
                f"every {period_ps:g} ps: many would come in a neighbour's place; give "
                f"at most {period_ps / 4:g} ps",
            )


def gate_period(view: BenchView) -> Iterator[Problem]:
    """Check that the gates of diodes keep step with the pulses.

    Several gates a pulse do, and a gate every so many pulses.
    """
    for laser in view.graph.parts_of(Laser):
        period_ps = pulse_period_ps(view, laser)
        ends = {path.end for path in view.graph.optical_paths(laser)}
        for name, part in view.graph.parts_of(Spad).items():
            if name not in ends or part.gate is None or period_ps is None:
                continue
            short, long = sorted((part.gate.period_ps, period_ps))
            if abs(long / short - round(long / short)) > 1e-9:
                yield view.part(
                    name,
                    "gate.period_ps",
                    f"{part.gate.period_ps} ps, but the pulses of '{laser}' "
                    f"come every {period_ps:g} ps: gates would slide over them; give "
                    f"{period_ps:g} ps, or a whole multiple or part of it",
                )


def eavesdropper_shift(view: BenchView) -> Iterator[Problem]:
    """Check that Eve moves no pulse into a neighbour's half of the period."""
    for laser in view.graph.parts_of(Laser):
        period_ps = pulse_period_ps(view, laser)
        for name in _eavesdroppers(view, laser):
            part = view.graph.parts_of(Eavesdropper)[name]
            if period_ps is not None and part.shift_ps >= period_ps / 2:
                yield view.part(
                    name,
                    "shift_ps",
                    f"{part.shift_ps} ps, but must be less than {period_ps / 2:g} ps, "
                    f"half the time from one pulse of '{laser}' to the next; lower it",
                )


def _eavesdroppers(view: BenchView, laser: str) -> list[str]:
    """Return the eavesdroppers in the light of a laser, each once."""
    paths = view.graph.optical_paths(laser)
    return list(dict.fromkeys(n for p in paths for n, _ in p.of_kind(Eavesdropper)))
