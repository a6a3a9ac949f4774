"""The section ``simulation`` of a configuration: the true world behind the labels.

A bench file says what labels and data sheets say. This section says how far the truth
may lie from it, which simulators stand in, and what shall go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab_sims.incident import Incident
from qkdlab_sims.mount.faults import Fault
from qkdlab_sims.option_ranges import check_options

__all__ = ["BusSection", "InstrumentSection", "Port", "SimulationSection", "Spread"]

Port = Annotated[int, Field(ge=1, le=65535)]
"""A port of TCP."""
Address = Annotated[int, Field(ge=0, le=255)]
"""Of an instrument on a line that it shares."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BusSection(_Section):
    """Several instruments of one station that share one line."""

    simulator: str
    """Name of the simulated device, such as ``thorlabs.ell14_bus``."""
    addresses: list[Address] = Field(min_length=1)


class InstrumentSection(_Section):
    """A simulated instrument that differs from its driver's usual twin."""

    simulator: str | None = None
    """Name of another simulated device than the one of the driver's name."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the simulator: readings of the manual that conflict, limits ..."""

    @model_validator(mode="after")
    def _options_exist(self) -> Self:
        check_options(self.options)
        return self


class Spread(_Section):
    """How far true values lie from the nominal ones; zero: no spread.

    Standard deviations where nothing else is said.

    The world must be one in which the certificates that the parties carry were honestly
    measured. Their stated uncertainties therefore bound what may be drawn:

    - ``tap_to_output_ratio``: of all parts from the tap to Alice's output (pad,
      attenuator's insertion, connectors) only the tap's fraction f is drawn. The ratio
      (1 - f)/f then spreads by ``tap_fraction_rel`` / (1 - f), which must not exceed
      the record's relative uncertainty.
    - ``meter_scale`` and ``attenuator_scale``: ``meter_scale_rel``,
      ``attenuator_scale_rel`` (of the attenuation in dB).
    - ``state_effect``: polarization-dependent losses behind the phase modulator and its
      residual amplitude modulation together, wherever their axes lie.

    All else is measured before key is made.
    """

    tap_fraction_rel: float = Field(default=0.0, ge=0, le=0.2)
    loss_db: float = Field(default=0.0, ge=0, le=3.0)
    """Of every fixed loss before the tap, on the channel and at the receiver."""
    meter_scale_rel: float = Field(default=0.0, ge=0, le=0.2)
    attenuator_scale_rel: float = Field(default=0.0, ge=0, le=0.1)
    attenuator_repeatability_db: float = Field(default=0.0, ge=0, le=0.5)
    """From one move of an attenuator with a shutter to the next."""
    pdl_axis_deg: float = Field(default=0.0, ge=0, le=90.0)
    """Half the width over which the axis of each polarization-dependent loss is spread
    evenly: 90 for one of which nothing is known."""
    extinction_db: float = Field(default=0.0, ge=0, le=5.0)
    """Of intensity modulators."""
    v_pi_rel: float = Field(default=0.0, ge=0, le=0.2)
    amplifier_gain_rel: float = Field(default=0.0, ge=0, le=0.2)
    plate_retardance_waves: float = Field(default=0.0, ge=0, le=0.1)
    plate_zero_deg: float = Field(default=0.0, ge=0, le=90.0)
    """Of the fast axis against the motor's zero."""
    plate_accuracy_deg: float = Field(default=0.0, ge=0, le=5.0)
    """Of the true angle after a move against what the encoder says."""
    splitter_fraction: float = Field(default=0.0, ge=0, le=0.1)
    detector_efficiency_rel: float = Field(default=0.0, ge=0, le=0.5)
    tagger_offset_ppm: float = Field(default=0.0, ge=0, le=200.0)
    start_phase_ps: float = Field(default=0.0, ge=0, le=5000.0)
    """Half the width over which the generator's start is spread evenly around a clock
    edge, new at every start [mem: "a few ns"]."""
    laser_threshold_rel: float = Field(default=0.0, ge=0, le=0.2)
    laser_slope_rel: float = Field(default=0.0, ge=0, le=0.2)
    laser_power_db: float = Field(default=0.0, ge=0, le=1.0)
    """Of the mean power of the pulses at the label's bias."""
    pulse_delay_ps: float = Field(default=0.0, ge=0, le=5000.0)
    """Half the width over which the laser's delay is spread evenly."""
    rf_delay_ps: float = Field(default=0.0, ge=0, le=5000.0)
    """The delay of each modulator's drive line lies evenly between the label's and so
    much more."""
    detector_delay_ps: float = Field(default=0.0, ge=0, le=5000.0)
    """Half the width over which the delay to each detector is spread evenly."""
    modulator_phase_rad: float = Field(default=0.0, ge=0, le=3.1416)
    """Half the width over which the phase of an intensity modulator at zero bias is
    spread evenly: pi for one of which nothing is known."""


class SimulationSection(_Section):
    """All that the simulated bench reads beside the bench itself."""

    buses: dict[str, BusSection] = Field(default_factory=dict)
    """By ``party.bus``."""
    instruments: dict[str, InstrumentSection] = Field(default_factory=dict)
    """By ``party.instrument``."""
    spread: Spread = Field(default_factory=Spread)
    memory_pulses: int = Field(default=0, ge=0, le=6)
    """How many pulses back the memory of a drive (bandwidth, filter, coupling) is
    followed where settings never repeat. A pattern that repeats has all of it."""
    incidents: list[Incident] = Field(default_factory=list)
    """Of light and wires, at moments of the world's time."""
    faults: dict[str, list[Fault]] = Field(default_factory=dict)
    """By ``party.instrument`` or ``party.bus``."""
    ports: dict[str, dict[str, Port]] = Field(default_factory=dict)
    """TCP ports of `qkdlab sim` by ``party.instrument`` or ``party.bus``, and endpoint,
    for clients that know no other than the real instrument's; the rest are any that
    are free."""

    def unknown_names(self, known: Set[str]) -> Iterator[tuple[str, str]]:
        """Yield (field, name) of whatever is not among the connections `known`."""
        for field in ("buses", "instruments", "faults", "ports"):
            yield from ((field, n) for n in getattr(self, field) if n not in known)
