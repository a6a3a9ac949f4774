"""Optics between modulators and detectors: splitters, plates, squeezers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qkdlab.wiring.base_part import BasePart

__all__ = [
    "BeamSplitter",
    "Circulator",
    "Diffuser",
    "Interferometer",
    "PolarizingSplitter",
    "Squeezer",
    "Waveplate",
]


class Waveplate(BasePart):
    """Ports: ``in``, ``out``. Turned by `instrument`, or fixed at `angle_deg`.

    A linear retarder without loss [mem]. Errors of retardance and axis, one each per
    plate, follow sources-modulators-aux.md section 7, "Waveplates": 0.4 degrees of a
    half-wave plate cost 0.02 % of errors, sin^2 of twice the angle (computed there).
    """

    kind: Literal["waveplate"]
    retardance_waves: float = Field(gt=0, lt=1)
    instrument: str | None = None
    angle_deg: float = Field(default=0.0, ge=-360, le=360)


class BeamSplitter(BasePart):
    """Polarization-independent splitter; ports: ``in``, ``in2``, ``x``, ``z``.

    Of another light at ``in2``, `x_fraction` goes to ``z``; the two interfere.
    """

    kind: Literal["beam_splitter"]
    x_fraction: float = Field(gt=0, lt=1)
    """Of the power from ``in`` to ``x``, and from ``in2`` to ``z``."""


class Circulator(BasePart):
    """Ports: ``in``, ``out``, ``back``.

    Light from ``in`` leaves by ``out``; what comes back into ``out`` leaves by
    ``back``, and nothing goes on to ``in``.
    """

    kind: Literal["circulator"]
    loss_db: float = Field(ge=0, le=60)
    """Of either passage; 0.8 dB is usual [mem]."""


class Diffuser(BasePart):
    """Ground glass that rotates, and one speckle behind it; ports: ``in``, ``out``.

    The power of a pulse is exponentially distributed, new for each pulse: thermal
    light of one mode (Martienssen and Spiller 1964 [mem]).
    """

    kind: Literal["diffuser"]
    loss_db: float = Field(ge=0, le=100)


class PolarizingSplitter(BasePart):
    """Ports: ``in``, ``h``, ``v``."""

    kind: Literal["polarizing_splitter"]
    extinction_db: float = Field(gt=0, le=100)


class Interferometer(BasePart):
    """Unequal arms, one period apart; ports: ``in``, ``a``, ``b``.

    Of neighbours with energies e and phases p port a has
    ``(e_k + e_(k-1)) / 4 + contrast sqrt(e_k e_(k-1)) / 2 cos(p_k - p_(k-1) + phase)``,
    port b the rest: each pulse meets the one before, whatever the clock says.
    """

    kind: Literal["interferometer"]
    contrast: float = Field(default=1.0, ge=0, le=1)
    """Of two pulses with the same phase, all that is alike in them counted."""
    phase_rad: float = Field(default=0.0, ge=-6.3, le=6.3)
    insertion_loss_db: float = Field(default=0.0, ge=0, le=60)


class Squeezer(BasePart):
    """A piezo that presses the fibre; ports: ``in``, ``out``, ``drive`` (dc).

    Retardance ``rest + pi V / V_pi`` with a loop by the voltages before (plays of
    Prandtl and Ishlinskii [mem]); what its source sets beyond 0 .. `max_v` it does not
    follow.
    """

    kind: Literal["squeezer"]
    v_pi_v: float = Field(ge=0.1, le=1e4)
    """Of half a wave without hysteresis, 20 to 60 V [mem]."""
    max_v: float = Field(default=140.0, ge=0.1, le=1e4)
    axis_deg: float = Field(default=0.0, ge=-180, le=180)
    """Of the pressure; squeezers at 0 and 45 degrees take turns."""
    rest_rad: float = Field(default=0.0, ge=-7, le=7)
    hysteresis: float = Field(default=0.1, ge=0, le=0.3)
    """Widest loop over the range, of the retardance there; 0.1 to 0.15 [mem]."""
    axis_error_deg: float = Field(default=0.0, ge=-45, le=45)
