"""Alice's light as her clock, laser driver, bias source and generator make it.

Read once a tick. The light changes only when something moved by more than a reading
could show, so that a bench at rest gives the same object all the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import IntensityModulator, Laser
from qkdlab_sims.bench.fresh_settings import FreshRun, fresh_light, shows_all
from qkdlab_sims.bench.ports import GeneratorOutput, LaserPort, VoltagePort
from qkdlab_sims.bench.pulse_train import PulseDrive, PulseTrain
from qkdlab_sims.bench.source import ModulatedSource
from qkdlab_sims.optics.bias_drift import BiasDrift
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.power_walk import PowerWalk
from qkdlab_sims.optics.source import Emission, GainSwitchedDiode
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics

__all__ = [
    "LaserState",
    "ModulatorBias",
    "Sender",
    "SenderState",
    "bias_drift",
    "diode_of",
    "dynamics_of",
]

PHASE_TOLERANCE_RAD = 2e-4
"""A modulator's phase that moved by less leaves the light as it is: at 24 dB below
the maximum that is 0.3 % of the power."""
POWER_TOLERANCE = 1e-5
REST_PS = 10_000_000_000
"""Laser and bias that rest are looked at this often, unless somebody sets them."""
WALK_STEP_PS = 100_000_000_000
"""The phase of a modulator, and the power of a laser, wander in steps of 0.1 s."""
WAVELENGTH_TOLERANCE_NM = 1e-5


def diode_of(part: Laser, period_ps: int) -> GainSwitchedDiode:
    """Return the diode whose pulses have the part's mean power at its bias."""
    mean_mw = 10.0 ** (part.mean_power_dbm / 10.0)
    above_ma = part.bias_ma + part.pulse_current_ma - part.threshold_ma
    return GainSwitchedDiode(
        threshold_ma=part.threshold_ma,
        threshold_growth_k=part.threshold_growth_k,
        slope_mw_per_ma=part.slope_mw_per_ma,
        pulse_width_ps=mean_mw * period_ps / (part.slope_mw_per_ma * above_ma),
        wavelength_nm=part.wavelength_nm,
        wavelength_nm_per_k=part.wavelength_nm_per_k,
        thermistor_ohm=part.thermistor_ohm,
        thermistor_beta_k=part.thermistor_beta_k,
    )


def dynamics_of(part: Laser) -> PulseDynamics | None:
    """Return what each pulse of the part has of its own, if anything."""
    if part.pulses is None:
        return None
    try:
        return PulseDynamics(part.pulse_fwhm_ps, **part.pulses.model_dump())
    except ValueError as error:
        raise ConfigError(f"wiring.parts: laser: {error}") from error


def bias_drift(
    name: str, part: IntensityModulator, start_rad: float, seed: int
) -> BiasDrift:
    """Return the drift of a modulator's phase from `start_rad` on."""
    return BiasDrift(
        seed,
        name,
        start_rad=start_rad,
        dc_v_pi_v=part.dc_v_pi_v,
        shares=part.relaxation_shares,
        time_constants_s=part.relaxation_s,
        walk_rad_per_sqrt_s=part.walk_rad_per_sqrt_s,
        step_ps=WALK_STEP_PS,
    )


@dataclass
class LaserState:
    """A laser diode under its driver.

    pulse_current_ma: of a nominal pulse of the clock
    """

    diode: GainSwitchedDiode
    port: LaserPort
    pulse_current_ma: float
    monitor_ma_per_mw: float
    period_ps: int
    walk: PowerWalk | None = None
    dynamics: PulseDynamics | None = None

    def phase_step_rad(self, t_ps: int) -> float:
        """Return the phase's standard deviation between neighbouring pulses."""
        if self.dynamics is None:
            return math.inf
        temperature_c = self.diode.temperature_c(self.port.thermistor_ohm(t_ps))
        bias = self.port.current_ma(t_ps) / self.diode.threshold_at_ma(temperature_c)
        dark_ps = max(self.period_ps - self.dynamics.pulse_fwhm_ps, 0.0)
        return self.dynamics.phase_step_rad(max(bias, 0.0), dark_ps)

    def emission(self, t_ps: int, strength: float) -> Emission:
        """Return the light for pulses of a strength as in `PulseDrive`."""
        still = self.diode.emission(
            self.port.current_ma(t_ps),
            strength * self.pulse_current_ma,
            self.port.thermistor_ohm(t_ps),
        )
        factor = 1.0 if self.walk is None else self.walk.factor(t_ps)
        return replace(
            still,
            pulse_j=still.pulse_j * factor,
            continuous_w=still.continuous_w * factor,
        )

    def photodiode_ma(self, emission: Emission) -> float:
        """Return the current of the monitor photodiode."""
        return 1e3 * emission.mean_w(self.period_ps) * self.monitor_ma_per_mw


@dataclass
class ModulatorBias:
    """The bias electrode of an intensity modulator; no source: it floats at 0 V."""

    drift: BiasDrift
    port: VoltagePort | None = None

    def voltage_v(self, t_ps: int) -> float:
        """Return the voltage at the electrode."""
        return 0.0 if self.port is None else self.port.voltage_v(t_ps)

    def phase_rad(self, t_ps: int) -> float:
        """Return the modulator's phase without RF drive."""
        return self.drift.phase_rad(t_ps, self.voltage_v(t_ps))

    def null_v(self, t_ps: int) -> float:
        """Return the nearest voltage at which the phase is a multiple of 2 pi."""
        voltage_v = self.voltage_v(t_ps)
        phase_rad = math.remainder(self.drift.phase_rad(t_ps, voltage_v), 2 * math.pi)
        return voltage_v - phase_rad / math.pi * self.drift.dc_v_pi_v


@dataclass(frozen=True)
class SenderState:
    """How Alice's light is made at one moment, for whoever may know the truth.

    phases_rad: of intensity modulators without RF drive
    null_v:     bias voltage of each that would make that phase zero, next to where the
                bias stands, charges as they are now
    """

    drive: PulseDrive
    emission: Emission
    phases_rad: dict[str, float]
    null_v: dict[str, float]
    threshold_ma: float


class Sender:
    """All of Alice up to the last modulator.

    Laser and bias sources tell of commands; what then moves by itself (a ramp, a
    temperature, charges) is seen at most `REST_PS` late.

    biases: by modulator; every intensity modulator of `source` has one
    """

    def __init__(
        self,
        source: ModulatedSource,
        train: PulseTrain,
        laser: LaserState,
        biases: Mapping[str, ModulatorBias],
    ) -> None:
        self.source = source
        self.train = train
        self.laser = laser
        self.biases = biases
        self.drive = PulseDrive(0, 0.0)
        self.emission = Emission(0.0, 0.0, laser.diode.wavelength_nm, "random")
        self.phases_rad: dict[str, float] = {}
        self._outputs: Mapping[tuple[str, int], GeneratorOutput] = {}
        self._fresh: FreshRun | None = None
        self._shown = self._pattern = source.pattern({}, 0, {})
        self._is_stale = True
        self._light: Light | None = None
        self._t_ps = 0
        self._look_ps = 0
        self._patience_ps = 0
        laser.port.photodiode_ma = self._photodiode_ma
        laser.port.on_change = self._note
        for bias in biases.values():
            if bias.port is not None:
                bias.port.on_change = self._note

    @property
    def outputs(self) -> Mapping[tuple[str, int], GeneratorOutput]:
        """What leaves the generators, by part and channel."""
        return self._outputs

    def set_outputs(
        self,
        outputs: Mapping[tuple[str, int], GeneratorOutput],
        fresh: FreshRun | None = None,
    ) -> None:
        """Say what leaves the generators.

        fresh: the run under way of one that makes settings; its outputs then show every
               setting in turn
        """
        self._outputs = outputs
        if fresh is not self._fresh:
            self._fresh, self._light = fresh, None
            self._pattern = self._sent(self._shown)
        self._is_stale = True

    def light(self, t_ps: int) -> Light:
        """Return the light from `t_ps` on; times never go back."""
        drive = self.train.read(t_ps)
        is_known = drive is self.drive and not self._is_stale
        if self._light is not None and is_known and t_ps < self._look_ps:
            return self._light
        last, self._t_ps = self._light, t_ps
        emission = self.laser.emission(t_ps, drive.strength)
        if self._light is None or not _alike(emission, self.emission):
            self.emission, self._light = emission, None
        self._look_at_pattern(t_ps, drive)
        if self._light is None:
            self._light = self._emit()
        # What moves is looked at every tick, what rests less and less often.
        rests = self._light is last
        self._patience_ps = (
            min(2 * self._patience_ps + 1_000_000_000, REST_PS) if rests else 0
        )
        self._look_ps = t_ps + self._patience_ps
        return self._light

    def _note(self, now_ps: int) -> None:
        """Look again from the next tick on: an instrument was told something."""
        del now_ps
        self._look_ps = self._patience_ps = 0

    def rests_until_ps(self) -> int:
        """Return until when `light` gives the same, unless somebody sets a thing."""
        return 0 if self.train.slides() else self._look_ps

    def state(self) -> SenderState:
        """Return how the light is made."""
        diode = self.laser.diode
        temperature_c = diode.temperature_c(self.laser.port.thermistor_ohm(self._t_ps))
        return SenderState(
            self.drive,
            self.emission,
            dict(self.phases_rad),
            {name: bias.null_v(self._t_ps) for name, bias in self.biases.items()},
            diode.threshold_at_ma(temperature_c),
        )

    def _look_at_pattern(self, t_ps: int, drive: PulseDrive) -> None:
        phases = self.phases_rad
        is_new = self._is_stale or drive.delay_ps != self.drive.delay_ps
        self._is_stale = False
        for name, bias in self.biases.items():
            phase_rad = bias.phase_rad(t_ps)
            last_rad = phases.get(name, math.inf)
            if is_new or abs(phase_rad - last_rad) > PHASE_TOLERANCE_RAD:
                is_new, phases[name] = True, phase_rad
        self.drive = drive
        if is_new:
            shown = self.source.pattern(self._outputs, drive.delay_ps, phases)
            if shown is not self._shown:
                self._shown, self._light = shown, None
                self._pattern = self._sent(shown)

    def _sent(self, shown: Light) -> Light:
        fresh = self._fresh
        if fresh is None:
            return shown
        if fresh.order == 0 or not shows_all(shown, fresh):
            return fresh_light(shown, fresh)
        state = self._outputs, self.drive.delay_ps, self.phases_rad
        return self.source.remembering(shown, state, fresh)

    def _emit(self) -> Light:
        emission, period_ps = self.emission, self.source.period_ps
        return self._pattern.emitted(
            emission.photons(period_ps),
            pulse_share=emission.pulse_share(period_ps),
            delay_ps=self.drive.delay_ps,
            wavelength_nm=emission.wavelength_nm,
            phase_law=emission.phase_law,
            dynamics=self.laser.dynamics,
            phase_step_rad=self.laser.phase_step_rad(self._t_ps),
        )

    def _photodiode_ma(self, t_ps: int) -> float:
        """Answer the driver, which may ask before the world has come to `t_ps`."""
        return self.laser.photodiode_ma(self.laser.emission(t_ps, self.drive.strength))


def _alike(one: Emission, other: Emission) -> bool:
    """Return whether no reading could tell two emissions apart."""
    if one == other:
        return True
    nm = abs(one.wavelength_nm - other.wavelength_nm)
    return (
        math.isclose(one.pulse_j, other.pulse_j, rel_tol=POWER_TOLERANCE)
        and math.isclose(one.continuous_w, other.continuous_w, rel_tol=POWER_TOLERANCE)
        and nm <= WAVELENGTH_TOLERANCE_NM
        and one.phase_law == other.phase_law
    )
