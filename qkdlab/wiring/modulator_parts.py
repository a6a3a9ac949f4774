"""Electro-optic modulators of a bench, as a configuration names them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from qkdlab.wiring.base_part import BasePart

__all__ = ["IntensityModulator", "PhaseModulator"]

MemoryShare = Annotated[float, Field(ge=-0.9, le=10)]
FadingShare = Annotated[float, Field(ge=-1, le=1)]
FadingSeconds = Annotated[float, Field(gt=0, le=1e9)]


class IntensityModulator(BasePart):
    """Mach-Zehnder; ports: ``in``, ``rf``, ``bias``, ``out``.

    Transmission without insertion loss
    ``1/2 [1 - v cos(pi V / V_pi + pi V_bias / V_pi,dc + phi(t))]`` with visibility v
    from the extinction ratio. The phase phi is unknown at first; after each step of
    the bias part of the step fades with two time constants, and it wanders
    (sources-modulators-aux.md section 7: Teng et al., EPJ Quantum Technol. 2023, RC
    model [seen abstract]; the figures are [guess]).
    """

    kind: Literal["intensity_modulator"]
    v_pi_v: float = Field(gt=0, le=1e3)
    extinction_db: float = Field(gt=0, le=100)
    insertion_loss_db: float = Field(ge=0, le=100)
    bandwidth_hz: float = Field(gt=0, le=1e13)
    dc_v_pi_v: float = Field(default=5.0, gt=0, le=1e3)
    relaxation_shares: tuple[FadingShare, FadingShare] = (0.005, 0.003)
    """Of a bias step, how much fades with each time constant."""
    relaxation_s: tuple[FadingSeconds, FadingSeconds] = (1.0, 20.0)
    walk_rad_per_sqrt_s: float = Field(default=3e-4, ge=0, le=10)
    """Width of the phase's random walk in one second."""
    memory: tuple[MemoryShare, ...] = Field(default=(), max_length=6)
    """c_1, c_2, ...: of the pulse j before, by whose transmission f this one's grows,
    1 + sum_j c_j f_j, with f from 0 to 1 (arXiv:2411.00709 [seen]; 1 to 5 %)."""

    @model_validator(mode="after")
    def _leaves_light(self) -> Self:
        darkest = sum(min(c, 0.0) for c in self.memory)
        if darkest <= -1.0:
            raise ValueError(
                f"memory's negative shares add up to {darkest:g}, which must be more "
                "than -1: some pulse would have no light; make them smaller"
            )
        return self

    @model_validator(mode="after")
    def _keeps_some_of_a_step(self) -> Self:
        fades = sum(self.relaxation_shares)
        if abs(fades) > 1.0:
            raise ValueError(
                f"relaxation_shares add up to {fades:g}, which must lie between -1 and "
                "1: no more of a bias step fades than there is; make them smaller"
            )
        return self


class PhaseModulator(BasePart):
    """Entered at 45 degrees, it turns the polarization; ports: ``in``, ``rf``, ``out``.

    Phase ``pi V / V_pi`` between the two axes: D, R, A, L at 0, 1/2, 1, 3/2 V_pi.
    """

    kind: Literal["phase_modulator"]
    v_pi_v: float = Field(gt=0, le=1e3)
    insertion_loss_db: float = Field(ge=0, le=100)
    bandwidth_hz: float = Field(gt=0, le=1e13)
    residual_am: float = Field(default=0.0, ge=0, lt=0.5)
    """Relative, of the power: ``1 + m sin(pi V / V_pi)``. Light that the crystal's ends
    reflect, or that leaves by its cladding, beats with the rest; 1e-3 to 1e-2 of
    lithium niobate modulators [mem], the form is [guess]."""
