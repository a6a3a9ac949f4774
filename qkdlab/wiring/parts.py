"""The parts of a bench, as a configuration names them.

Each kind has its own model, chosen by the field ``kind``. Values are the nominal ones
of data sheets and labels; a simulated world may hold true values that differ. A part
that is an instrument, or is moved by one, names it as ``party.instrument``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Amplifier",
    "Awg",
    "BeamSplitter",
    "Cable",
    "Clock",
    "DelayGenerator",
    "Eavesdropper",
    "Fibre",
    "FixedLoss",
    "IntensityModulator",
    "Laser",
    "Part",
    "PhaseModulator",
    "PolarizingSplitter",
    "PowerMeterPart",
    "Snspd",
    "Tagger",
    "Tap",
    "VariableAttenuator",
    "Waveplate",
    "Wiring",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    owner: str
    """The party whose station it stands in, or ``channel``."""


class Clock(_Part):
    """A fixed clock; ports: ``out``."""

    kind: Literal["clock"]
    frequency_hz: float = Field(gt=0)


class Laser(_Part):
    """A gain-switched laser; ports: ``clock`` in, ``out``."""

    kind: Literal["laser"]
    wavelength_nm: float = Field(gt=600, lt=2000)
    mean_power_dbm: float
    pulse_fwhm_ps: float = Field(gt=0)
    pulse_delay_ps: int = 0
    """From the clock edge to the pulse's centre."""


class FixedLoss(_Part):
    """Isolator, pad, connector; ports: ``in``, ``out``."""

    kind: Literal["loss"]
    loss_db: float = Field(ge=0)


class IntensityModulator(_Part):
    """Mach-Zehnder at its null; ports: ``in``, ``rf``, ``out``.

    Transmission without insertion loss
    ``1/2 [1 - v cos(pi V / V_pi)]`` with visibility from the extinction ratio.
    """

    kind: Literal["intensity_modulator"]
    v_pi_v: float = Field(gt=0)
    extinction_db: float = Field(gt=0)
    insertion_loss_db: float = Field(ge=0)
    bandwidth_hz: float = Field(gt=0)


class PhaseModulator(_Part):
    """Entered at 45 degrees, it turns the polarization; ports: ``in``, ``rf``, ``out``.

    Phase ``pi V / V_pi`` between the two axes: D, R, A, L at 0, 1/2, 1, 3/2 V_pi.
    """

    kind: Literal["phase_modulator"]
    v_pi_v: float = Field(gt=0)
    insertion_loss_db: float = Field(ge=0)
    bandwidth_hz: float = Field(gt=0)


class Amplifier(_Part):
    """RF amplifier; ports: ``in``, ``out``."""

    kind: Literal["amplifier"]
    gain: float = Field(gt=0)
    """Volts out per volt in."""
    saturation_v: float = Field(gt=0)
    """Output amplitude at which it saturates (tanh law)."""
    max_input_v: float = Field(gt=0)
    ac_coupling_hz: float = Field(default=0.0, ge=0)
    """Lower corner; 0 for a DC-coupled amplifier."""


class Tap(_Part):
    """Unequal coupler; ports: ``in``, ``out``, ``tap``."""

    kind: Literal["tap"]
    tap_fraction: float = Field(gt=0, lt=1)


class VariableAttenuator(_Part):
    """Ports: ``in``, ``out``."""

    kind: Literal["variable_attenuator"]
    instrument: str
    insertion_loss_db: float = Field(ge=0)
    min_db: float = 0.0
    max_db: float = 60.0


class PowerMeterPart(_Part):
    """Ports: ``in``."""

    kind: Literal["power_meter"]
    instrument: str
    floor_dbm: float
    max_dbm: float


class Fibre(_Part):
    """Drifting fibre; ports: ``in``, ``out``."""

    kind: Literal["fibre"]
    length_km: float = Field(ge=0)
    loss_db_per_km: float = Field(ge=0)
    excess_loss_db: float = Field(default=0.0, ge=0)
    delay_ps_per_km: float = 4.9e6
    drift_rad_per_sqrt_s: float = Field(default=0.0, ge=0)
    """Width of the polarization's random walk on the sphere in one second."""


class Eavesdropper(_Part):
    """Eve on the line; ports: ``in``, ``out``. For tests of soundness.

    intercept_resend:        measures in a random basis, sends on what she found
    photon_number_splitting: keeps one of several photons, stops single ones
    photon_injection:        measures, sends `photons` in the state found; with
                             `x_share` 1 in one basis only
    time_shift:              lets pulses come earlier or later by `shift_ps`
    dead_time_seeding:       sends `photons` of her own ahead of a pulse

    All but the first count photons where Alice's light leaves her station, and bring
    them to Bob by a line of their own. Source: standards-attacks-ux section 2.
    """

    kind: Literal["eavesdropper"]
    attack: Literal[
        "none",
        "intercept_resend",
        "photon_number_splitting",
        "photon_injection",
        "time_shift",
        "dead_time_seeding",
    ] = "none"
    fraction: float = Field(default=1.0, ge=0, le=1)
    """Share of the pulses that she attacks."""
    line_loss_db: float | None = Field(default=None, ge=0)
    """Of her line for attacked pulses; the channel's own loss when not given."""
    block_singles: float = Field(default=0.0, ge=0, le=1)
    x_share: float = Field(default=0.5, ge=0, le=1)
    photons: int = Field(default=2, ge=1, le=50)
    shift_ps: int = Field(default=0, ge=0, lt=5000)
    """Less than half a symbol."""


class Waveplate(_Part):
    """Ports: ``in``, ``out``. Turned by `instrument`, or fixed at `angle_deg`."""

    kind: Literal["waveplate"]
    retardance_waves: float = Field(gt=0, lt=1)
    instrument: str | None = None
    angle_deg: float = 0.0


class BeamSplitter(_Part):
    """Polarization-independent splitter; ports: ``in``, ``x``, ``z``."""

    kind: Literal["beam_splitter"]
    x_fraction: float = Field(gt=0, lt=1)


class PolarizingSplitter(_Part):
    """Ports: ``in``, ``h``, ``v``."""

    kind: Literal["polarizing_splitter"]
    extinction_db: float = Field(gt=0)


class Snspd(_Part):
    """Superconducting nanowire detector; ports: ``in``, ``out`` (electrical).

    Efficiency ``eta_max/2 [1 + erf((I - I_half)/width)]``; dark rate
    ``floor + exp((I - I_dark)/scale)``; current recovers as
    ``I_b [1 - exp(-t/tau)]``. Form and figures:
    detector characterisation literature (erf form after Caloz 2017 [doc]; the
    exponential dark slopes were fitted to a measured four-channel sweep [run]).
    """

    kind: Literal["snspd"]
    instrument: str
    channel: int = Field(ge=0)
    efficiency_max: float = Field(gt=0, le=1)
    i_half_ua: float = Field(gt=0)
    width_ua: float = Field(gt=0)
    switching_current_ua: float = Field(gt=0)
    dark_floor_hz: float = Field(ge=0)
    dark_i0_ua: float
    """Bias at which the exponential part of the dark rate is 1 per second."""
    dark_slope_per_ua: float = Field(gt=0)
    recovery_tau_ps: float = Field(gt=0)
    jitter_fwhm_ps: float = Field(ge=0)
    jitter_tail_fraction: float = Field(default=0.0, ge=0, lt=1)
    jitter_tail_tau_ps: float = Field(default=1.0, gt=0)


class Awg(_Part):
    """Ports: ``ref_in``, ``ch1``, ``ch2``, ``sync``."""

    kind: Literal["awg"]
    instrument: str


class DelayGenerator(_Part):
    """Fixed delay of a trigger; ports: ``trigger``, ``ab``."""

    kind: Literal["delay_generator"]
    delay_ps: int = Field(ge=0)
    jitter_rms_ps: float = Field(ge=0)
    output_v: float
    max_trigger_hz: float = 10e6
    """[mem] in the instrument reference."""


class Tagger(_Part):
    """Ports: ``start``, ``input1`` ... ``input4``."""

    kind: Literal["tagger"]
    instrument: str


Part = Annotated[
    Clock
    | Laser
    | FixedLoss
    | IntensityModulator
    | PhaseModulator
    | Amplifier
    | Tap
    | VariableAttenuator
    | PowerMeterPart
    | Fibre
    | Eavesdropper
    | Waveplate
    | BeamSplitter
    | PolarizingSplitter
    | Snspd
    | Awg
    | DelayGenerator
    | Tagger,
    Field(discriminator="kind"),
]


class Cable(BaseModel):
    """A connection from one port to another, ``part.port``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    kind: Literal["optical", "rf", "trigger", "reference"]
    loss_db: float = Field(default=0.0, ge=0)
    delay_ps: int = Field(default=0, ge=0)
    impedance_ohm: float = 50.0


class Wiring(BaseModel):
    """The bench as a graph."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    parts: dict[str, Part]
    cables: list[Cable]
