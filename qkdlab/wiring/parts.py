"""The parts of a bench, as a configuration names them.

Each kind has its own model, chosen by the field ``kind``. Values are the nominal ones
of data sheets and labels; a simulated world may hold true values that differ. A part
that is an instrument, or is moved by one, names it as ``party.instrument``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.wiring.base_part import BasePart
from qkdlab.wiring.channel_parts import (
    CoexistingChannel,
    Fibre,
    FibreReflections,
    FibreTemperature,
    FreeSpace,
    SatellitePass,
)
from qkdlab.wiring.detector_parts import (
    Snspd,
    SnspdBright,
    SnspdReadout,
    Spad,
    SpadBackflash,
    SpadGate,
    SpadNetwork,
    SpadTraps,
)
from qkdlab.wiring.emitter_parts import PairSource, QuantumDot
from qkdlab.wiring.laser_parts import LaserPulses
from qkdlab.wiring.modulator_parts import IntensityModulator, PhaseModulator
from qkdlab.wiring.optics_parts import (
    BeamSplitter,
    Circulator,
    Diffuser,
    Interferometer,
    PolarizingSplitter,
    Squeezer,
    Waveplate,
)

__all__ = [
    "Amplifier",
    "Awg",
    "BeamSplitter",
    "Cable",
    "Circulator",
    "Clock",
    "CoexistingChannel",
    "DelayGenerator",
    "Diffuser",
    "Eavesdropper",
    "Fibre",
    "FibreReflections",
    "FibreTemperature",
    "FixedLoss",
    "FreeSpace",
    "IntensityModulator",
    "Interferometer",
    "Laser",
    "LaserPulses",
    "PairSource",
    "Part",
    "PhaseModulator",
    "PolarizingSplitter",
    "PowerMeterPart",
    "PulseFormer",
    "QuantumDot",
    "SatellitePass",
    "Snspd",
    "SnspdBright",
    "SnspdReadout",
    "Spad",
    "SpadBackflash",
    "SpadGate",
    "SpadNetwork",
    "SpadTraps",
    "Squeezer",
    "Tagger",
    "Tap",
    "VariableAttenuator",
    "VoltageSource",
    "Waveplate",
    "Wiring",
]


class Clock(BasePart):
    """A source of a sine; ports: ``ref_in``, ``out``, ``ref_out`` with its 10 MHz."""

    kind: Literal["clock"]
    instrument: str
    frequency_hz: float = Field(gt=0, le=1e12)
    power_dbm: float = Field(default=13.0, ge=-60, le=40)
    """Level of the sine into 50 Ohm for which the bench is made."""


class PulseFormer(BasePart):
    """A passive step-recovery pulse former; ports: ``in``, ``out``.

    A sine makes one short pulse a period, if it is near enough to the centre and
    strong enough for the diode to snap; the pulse grows with the sine's amplitude.
    """

    kind: Literal["pulse_former"]
    centre_hz: float = Field(gt=0, le=1e12)
    bandwidth_rel: float = Field(default=2e-3, gt=0, le=1)
    """Whole width of the band in which it works, over its centre [guess]."""
    min_input_dbm: float = Field(default=8.0, ge=-60, le=40)
    """[guess]"""


class Laser(BasePart):
    """A gain-switched DFB diode in a package with bias-T; ports: ``clock``, ``out``.

    Above threshold the light grows by ``slope_mw_per_ma``. A pulse of
    ``pulse_current_ma`` on top of the bias makes a light pulse whose energy grows with
    what exceeds the threshold; ``mean_power_dbm`` is the average of such pulses at
    ``bias_ma`` and 25 degrees. With temperature the threshold grows as
    ``exp(T / threshold_growth_k)``, and the wavelength by ``wavelength_nm_per_k``.
    Temperatures are those of a thermistor, ``1/T = 1/T25 + ln(R / R25) / beta``.
    Figures of common butterfly packages [mem]; 0.1 nm/K is the 12 GHz/K of a DFB diode
    in the bench's description.
    """

    kind: Literal["laser"]
    instrument: str
    wavelength_nm: float = Field(gt=350, lt=2000)
    mean_power_dbm: float = Field(ge=-150, le=40)
    pulse_fwhm_ps: float = Field(gt=0, le=1e5)
    pulse_delay_ps: int = Field(default=0, ge=-(10**12), le=10**12)
    """From the clock edge to the pulse's centre."""
    bias_ma: float = Field(default=10.0, ge=0, le=1e4)
    threshold_ma: float = Field(default=12.0, gt=0, le=1e4)
    max_current_ma: float = Field(default=100.0, gt=0, le=1e4)
    """What the diode bears."""
    pulse_current_ma: float = Field(default=35.0, gt=0, le=1e4)
    """Of the pulse former at the clock's nominal level."""
    slope_mw_per_ma: float = Field(default=0.1, gt=0, le=100)
    monitor_ma_per_mw: float = Field(default=1.0, gt=0, le=100)
    """Of the monitor photodiode, per power that leaves the package."""
    threshold_growth_k: float = Field(default=60.0, gt=0, le=1e4)
    wavelength_nm_per_k: float = Field(default=0.1, ge=-10, le=10)
    thermistor_ohm: float = Field(default=10_000.0, gt=0, le=1e9)
    """R25"""
    thermistor_beta_k: float = Field(default=3950.0, gt=0, le=1e5)
    power_walk_per_sqrt_s: float = Field(default=0.0, ge=0, le=0.01)
    """Width of the relative random walk of the power in one second; 4e-5 is the
    +-0.005 dB in 15 minutes of a stabilised source [mem]."""
    pulses: LaserPulses | None = None
    """All alike but for their phases, which are random, when not given."""

    @model_validator(mode="after")
    def _pulses(self) -> Self:
        if self.bias_ma + self.pulse_current_ma <= self.threshold_ma:
            raise ValueError(
                f"bias_ma {self.bias_ma:g} mA and pulse_current_ma "
                f"{self.pulse_current_ma:g} mA do not reach threshold_ma, "
                f"{self.threshold_ma:g} mA; raise one of them"
            )
        if self.bias_ma > self.max_current_ma:
            raise ValueError(
                f"bias_ma {self.bias_ma:g} mA is above max_current_ma, "
                f"{self.max_current_ma:g} mA, which the diode bears; lower it"
            )
        return self


class FixedLoss(BasePart):
    """Isolator, pad, connector; ports: ``in``, ``out``."""

    kind: Literal["loss"]
    loss_db: float = Field(ge=0, le=300)
    """Mean over polarizations."""
    isolation_db: float | None = Field(default=None, ge=0, le=300)
    """Loss from ``out`` to ``in``, met by backflash: 30 dB or more of one stage of an
    isolator [mem]. None: as `loss_db`."""
    pdl_db: float = Field(default=0.0, ge=0, le=3)
    """Polarization-dependent loss: between the best state, linear at `pdl_axis_deg`,
    and the worst. Up to 0.1 dB of a good fixed attenuator [mem]."""
    pdl_axis_deg: float = Field(default=0.0, ge=-360, le=360)


class Amplifier(BasePart):
    """RF amplifier; ports: ``in``, ``out``.

    The laws of saturation [guess] and coupling [D] are those of `optics.modulator`.
    """

    kind: Literal["amplifier"]
    gain: float = Field(gt=0, le=1e4)
    """Volts out per volt in."""
    saturation_v: float = Field(gt=0, le=1e7)
    """Output amplitude at which it saturates (tanh law)."""
    max_input_v: float = Field(gt=0, le=1e3)
    ac_coupling_hz: float = Field(default=0.0, ge=0, le=1e12)
    """Lower corner; 0 for a DC-coupled amplifier."""


class Tap(BasePart):
    """Unequal coupler; ports: ``in``, ``out``, ``tap``."""

    kind: Literal["tap"]
    tap_fraction: float = Field(gt=0, lt=1)


class VariableAttenuator(BasePart):
    """Ports: ``in``, ``out``."""

    kind: Literal["variable_attenuator"]
    instrument: str
    insertion_loss_db: float = Field(ge=0, le=100)
    min_db: float = Field(default=0.0, ge=0, le=300)
    max_db: float = Field(default=60.0, ge=0, le=300)
    pdl_db: float = Field(default=0.0, ge=0, le=3)
    """As of a fixed loss; 0.05 dB is usual of filter wheels [mem]."""
    pdl_axis_deg: float = Field(default=0.0, ge=-360, le=360)

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.min_db > self.max_db:
            raise ValueError(
                f"min_db {self.min_db:g} dB is above max_db, {self.max_db:g} dB; "
                "lower it, or raise max_db"
            )
        return self


class PowerMeterPart(BasePart):
    """Ports: ``in``."""

    kind: Literal["power_meter"]
    instrument: str
    floor_dbm: float = Field(ge=-200, le=60)
    max_dbm: float = Field(ge=-200, le=60)

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.floor_dbm >= self.max_dbm:
            raise ValueError(
                f"floor_dbm {self.floor_dbm:g} dBm must be below max_dbm, "
                f"{self.max_dbm:g} dBm; lower it"
            )
        return self


class Eavesdropper(BasePart):
    """Eve on the line; ports: ``in``, ``out``. For tests of soundness.

    intercept_resend:        measures in a random basis, sends on what she found
    photon_number_splitting: keeps one of several photons, stops single ones
    photon_injection:        measures, sends `photons` in the state found; with
                             `x_share` 1 in one basis only
    time_shift:              lets pulses come earlier or later by `shift_ps`
    dead_time_seeding:       sends `photons` of her own ahead of a pulse

    All but the first count photons where Alice's light leaves her station, and bring
    them to Bob by a line of their own; they rest while no pattern leaves. Source:
    standards-attacks-ux section 2.
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
    begin_s: float = Field(default=0.0, ge=0, le=1e9)
    """World time from which she acts: after calibration, or from its beginning."""
    line_loss_db: float | None = Field(default=None, ge=0, le=300)
    """Of her line for attacked pulses; the channel's own loss when not given."""
    block_singles: float = Field(default=0.0, ge=0, le=1)
    x_share: float = Field(default=0.5, ge=0, le=1)
    photons: int = Field(default=2, ge=1, le=50)
    shift_ps: int = Field(default=0, ge=0, lt=5000)
    """Less than half a pulse period."""


class Awg(BasePart):
    """Ports: ``ref_in``, ``ch1``, ``ch2``, ``sync``."""

    kind: Literal["awg"]
    instrument: str
    sync_v: float = Field(default=3.0, gt=0, le=100)
    """High level of the Sync output into a high impedance [mem]."""


class VoltageSource(BasePart):
    """A quiet direct voltage; ports: ``out``."""

    kind: Literal["voltage_source"]
    instrument: str


class DelayGenerator(BasePart):
    """Ports: ``trigger``, ``timebase``; ``t0``, ``ab``, ``cd``, ``ef``, ``gh`` out.

    Delay, width and levels are those for which the bench is made; what holds is what
    the instrument is set to.
    """

    kind: Literal["delay_generator"]
    instrument: str
    delay_ps: int = Field(ge=0, le=10**15)
    """From the trigger to the pulse, insertion delay included."""
    width_ps: int = Field(default=100_000, gt=0, le=10**15)
    output_v: float = Field(ge=-100, le=100)
    trigger_threshold_v: float = Field(default=1.0, ge=-100, le=100)
    max_trigger_hz: float = Field(default=10e6, gt=0, le=1e12)
    """[mem] in the instrument reference."""


class Tagger(BasePart):
    """Ports: ``start``, ``input1`` ... ``input4``."""

    kind: Literal["tagger"]
    instrument: str


Part = Annotated[
    Clock
    | PulseFormer
    | Laser
    | FixedLoss
    | IntensityModulator
    | PhaseModulator
    | Amplifier
    | Tap
    | VariableAttenuator
    | PowerMeterPart
    | Fibre
    | FreeSpace
    | SatellitePass
    | Eavesdropper
    | Waveplate
    | BeamSplitter
    | Circulator
    | PolarizingSplitter
    | Interferometer
    | Diffuser
    | QuantumDot
    | PairSource
    | Squeezer
    | Snspd
    | Spad
    | Awg
    | VoltageSource
    | DelayGenerator
    | Tagger,
    Field(discriminator="kind"),
]


class Cable(BaseModel):
    """A connection from one port to another, ``part.port``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    kind: Literal["optical", "rf", "dc", "trigger", "reference"]
    loss_db: float = Field(default=0.0, ge=0, le=300)
    delay_ps: int = Field(default=0, ge=0, le=10**12)
    impedance_ohm: float = Field(default=50.0, gt=0, le=1e9)


class Wiring(BaseModel):
    """The bench as a graph."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    parts: dict[str, Part]
    cables: list[Cable]
