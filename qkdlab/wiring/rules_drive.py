"""Rules of what calibration plays on the modulators' drive lines.

Steps sweep the drive before they know any V_pi but that of the labels, and play one
level at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from qkdlab.problems import Problem
from qkdlab.wiring.graph import Chain
from qkdlab.wiring.parts import Amplifier, IntensityModulator, Laser, PhaseModulator
from qkdlab.wiring.view import BenchView

__all__ = [
    "INTENSITY_SWEEP",
    "PHASE_SWEEP",
    "constant_levels",
    "swept_voltages",
]

INTENSITY_SWEEP = 1.3
"""In V_pi of the label: how far the step ``modulator`` goes."""
PHASE_SWEEP = 2.0
"""The same for ``states`` and, at a receiver's modulator, ``basis_levels``."""


class _Sweep(NamedTuple):
    """What a step plays on one kind of modulator.

    at_sender: of a party that has a laser
    v_pi_v:    of the label, the parameter at `path`; None where there is none
    reach:     in V_pi
    """

    kind: type[IntensityModulator | PhaseModulator]
    at_sender: bool
    path: tuple[str, ...]
    v_pi_v: float | None
    reach: float


def swept_voltages(view: BenchView) -> Iterator[Problem]:
    """Check that no sweep gives an amplifier more than its input takes.

    The parameters hold V_pi at the generator's output. One that was meant for the
    electrode, behind the amplifier, would destroy its input.
    """
    demand = view.demand
    sweeps = (
        _Sweep(
            IntensityModulator,
            True,
            ("calibration", "source", "intensity_v_pi_v"),
            demand.intensity_v_pi_v,
            INTENSITY_SWEEP,
        ),
        _Sweep(
            PhaseModulator,
            True,
            ("calibration", "polarization_v_pi_v"),
            demand.polarization_v_pi_v,
            PHASE_SWEEP,
        ),
        _Sweep(
            PhaseModulator,
            False,
            ("calibration", "basis_v_pi_v"),
            demand.basis_v_pi_v,
            PHASE_SWEEP,
        ),
    )
    senders = {laser.owner for laser in view.graph.parts_of(Laser).values()}
    for kind, at_sender, path, v_pi_v, reach in sweeps:
        if v_pi_v is None:
            continue
        for name, amplifier, chain in _amplifiers(view, kind):
            is_its = (amplifier.owner in senders) == at_sender
            if name != chain.parts[0] or not is_its:
                continue
            loss_db = chain.links[0].cable.loss_db
            volts = reach * v_pi_v * 10 ** (-loss_db / 20.0)
            if volts > amplifier.max_input_v:
                yield view.parameter(
                    path,
                    f"{v_pi_v:g} V at the generator is swept to {volts:.3g} V, but "
                    f"'{name}' takes {amplifier.max_input_v:g} V; give V_pi before "
                    "the amplifier, or use one with more gain",
                )


def constant_levels(view: BenchView) -> Iterator[Problem]:
    """Check that amplifiers pass constant levels.

    Steps play one level for a second. Behind a coupling capacitor nothing is left of
    it, and the levels of a pattern hang on what surrounds them.
    """
    for kind in (IntensityModulator, PhaseModulator):
        for name, amplifier, _ in _amplifiers(view, kind):
            if amplifier.ac_coupling_hz > 0.0:
                yield view.part(
                    name,
                    "ac_coupling_hz",
                    f"passes nothing below {amplifier.ac_coupling_hz:g} Hz, but "
                    "calibration plays constant levels; use a DC-coupled amplifier",
                )


def _amplifiers(
    view: BenchView, kind: type[IntensityModulator | PhaseModulator]
) -> Iterator[tuple[str, Amplifier, Chain]]:
    """Yield the amplifiers on the drive lines of one kind of modulator."""
    for modulator in view.graph.parts_of(kind):
        chain = view.graph.chain(modulator, "rf")
        for name in chain.parts if chain is not None else ():
            part = view.wiring.parts[name]
            if chain is not None and isinstance(part, Amplifier):
                yield name, part, chain
