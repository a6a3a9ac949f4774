"""What a BB84 run can be told; checked before anything is switched on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.errors import UsageError

__all__ = [
    "CLASSES",
    "Bb84Parameters",
    "BiasMicroamps",
    "BiasSearch",
    "Calibration",
    "Detection",
    "Distillation",
    "Intensities",
    "Intensity",
    "Limits",
    "Pattern",
    "Recovery",
    "Source",
    "Tracking",
]

CLASSES = ("signal", "decoy", "vacuum")
"""Intensity classes in the order of their packed numbers."""

BiasMicroamps = Annotated[float, Field(ge=0, le=1000)]
"""Of a nanowire."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pattern(_Model):
    """The frame: one period of the pattern generator."""

    symbols: int = Field(default=80_000, ge=1000, le=10**9)
    header_symbols: int = Field(default=512, ge=64, le=10**9)
    samples_per_symbol: int = Field(default=10, ge=1, le=10_000)


class Intensity(_Model):
    """One intensity class."""

    mean_photon_number: float = Field(gt=0, lt=5)
    probability: float = Field(gt=0, lt=1)


class Intensities(_Model):
    """Three classes: mu1 > mu2 + mu3, mu2 > mu3 (Lim 2014)."""

    signal: Intensity
    decoy: Intensity
    vacuum: Intensity

    @model_validator(mode="after")
    def _check(self) -> Self:
        mu = [getattr(self, name).mean_photon_number for name in CLASSES]
        total = sum(getattr(self, name).probability for name in CLASSES)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the probabilities must add up to 1, not {total:g}")
        if not (mu[1] > mu[2] and mu[0] > mu[1] + mu[2]):
            raise ValueError(
                "wanted: decoy above vacuum, and signal above decoy plus vacuum; "
                f"got {mu[0]:g}, {mu[1]:g}, {mu[2]:g}"
            )
        return self

    def ordered(self) -> tuple[Intensity, Intensity, Intensity]:
        """Return signal, decoy, vacuum."""
        return self.signal, self.decoy, self.vacuum


class BiasSearch(_Model):
    """How the bias of the nanowires is swept in the dark."""

    first_ua: float = Field(default=10.0, gt=0, le=1000)
    last_ua: float = Field(default=36.0, gt=0, le=1000)
    step_ua: float = Field(default=1.0, gt=0, le=1000)
    count_s: float = Field(default=0.1, gt=0, le=60)
    """At each point."""
    share_of_switching: float = Field(default=0.8, gt=0, lt=1)
    """Of the last current at which a wire did not latch; more is never set."""

    def points_ua(self) -> list[float]:
        """Return the currents of the sweep, rising."""
        n = int((self.last_ua - self.first_ua) / self.step_ua + 1e-9) + 1
        return [self.first_ua + k * self.step_ua for k in range(n)]


class Detection(_Model):
    """Bob's detectors and what counts as a click."""

    gate_ps: int = Field(default=2000, gt=0, le=10**10)
    blank_ps: int = Field(default=60_000, ge=0, le=10**10)
    bias_ua: list[BiasMicroamps] = Field(min_length=4, max_length=4)
    """Wanted; calibration sets less where a wire switches or counts in the dark."""
    bias_search: BiasSearch = BiasSearch()
    predicted_rate_hz: float = Field(default=4.0e6, gt=0, le=1e12)
    """Greatest tag rate expected in calibration and run, told to the tagger."""
    tag_block_s: float = Field(default=0.02, gt=0, le=1)
    max_dark_rate_hz: float = Field(default=1000.0, gt=0, le=1e9)
    """Per detector, with the shutter closed."""


class Distillation(_Model):
    """Reconciliation, verification and the security parameters."""

    epsilon_secrecy: float = Field(default=1e-9, gt=0, lt=1)
    epsilon_correctness: float = Field(default=1e-15, gt=0, lt=1)
    """The verification tag is as long as this asks for all pulses of a block."""
    reconciliation: Literal["cascade", "cascade-far", "ldpc", "auto"] = "cascade"
    """Method; far: a third of the rounds, for lines with delay, at 2 % more leakage;
    ldpc: one round trip, for slow lines and blocks of 60000 sifted bits and more;
    auto: Alice chooses for each block by the round trip that she has measured."""
    frame_bits: int = Field(default=65536, ge=1024, le=65536)


class Limits(_Model):
    """Beyond these a block is given up."""

    qber_x_max: float = Field(default=0.08, gt=0, lt=0.5)
    qber_z_max: float = Field(default=0.08, gt=0, lt=0.5)
    cross_click_fraction_max: float = Field(default=0.05, gt=0, lt=1)
    double_click_fraction_max: float = Field(default=0.02, gt=0, lt=1)
    out_of_gate_fraction_max: float = Field(default=0.02, gt=0, lt=1)
    """Clicks outside the gate over those inside, beyond the dark counts allowed."""
    efficiency_mismatch_max: float = Field(default=0.10, gt=0, lt=1)
    delay_change_ps_max: float = Field(default=200.0, gt=0, le=1e6)
    """Of a detector's arrival, against its calibrated delay."""


class Source(_Model):
    """How Alice's laser and modulators are brought up; labels, at first."""

    clock_power_dbm: float = Field(default=13.0, ge=-110, le=20)
    """Of the sine that drives the pulse former."""
    thermistor_ohm: float = Field(default=10_000.0, ge=100, le=1e6)
    """Of the laser's mount."""
    laser_points: int = Field(default=25, ge=8, le=1000)
    """Currents from zero to the limit in the sweep for the threshold."""
    laser_bias_share: float = Field(default=0.9, gt=0, lt=1)
    """Of the threshold: what lies below it lets each pulse begin from noise."""
    bias_span_v: float = Field(default=8.0, gt=0, le=100)
    """Greatest voltage, up and down, in the sweep of the modulator's bias."""
    null_walk_rad_per_sqrt_s: float = Field(default=3e-4, ge=0, le=1)
    """Of the modulator's phase, by the label: how long a null holds follows [guess]."""
    null_creep_rad: float = Field(default=0.01, ge=0, le=1)
    """By which charges may still move the phase when its null has been found: what is
    left of 0.3 % of a bias of V_pi, 20 s after it was set, seconds later [guess]."""
    bias_points: int = Field(default=25, ge=8, le=1000)
    intensity_v_pi_v: float = Field(default=0.8, gt=0, le=10)
    """Of the label, at the generator's output; a sweep finds the true one."""
    drive_points: int = Field(default=15, ge=8, le=1000)
    phase_points: int = Field(default=16, ge=8, le=1000)
    """Phases of the clock over one symbol."""
    rise_ps: float = Field(default=1100.0, gt=0, le=1e9)
    """Standard deviation of the generator's smooth step, about."""
    pulse_after_edge_ps: float = Field(default=4500.0, gt=0, le=1e9)
    """From the middle of a transition to the pulse."""
    skew_count_s: float = Field(default=0.1, gt=0, le=60)
    """Of Bob's counting at each phase of the clock."""


class Calibration(_Model):
    """How the bench is brought up before a key run."""

    meter_readings: int = Field(default=20, ge=3, le=10_000)
    settle_s: float = Field(default=0.2, ge=0, le=60)
    interval_coverage: float = Field(default=0.99, gt=0.5, lt=1)
    """Probability with which each true mean photon number lies in its interval."""
    dark_count_s: float = Field(default=0.5, gt=0, le=600)
    polarimetry_s: float = Field(default=0.02, gt=0, le=60)
    """Of tags per setting of the plates, at least."""
    polarimetry_clicks: int = Field(default=20_000, ge=1000, le=10**9)
    """Wanted per setting of the plates; dim light takes up to ten times longer."""
    sync_s: float = Field(default=0.1, gt=0, le=60)
    """Of tags before a block, from which its slots are found, at least."""
    sync_max_s: float = Field(default=5.0, gt=0, le=600)
    sync_clicks: int = Field(default=50_000, ge=2000, le=10**9)
    """Wanted to find the slots; dim light takes up to `sync_max_s`."""
    polarization_qber_max: float = Field(default=0.05, gt=0, lt=0.5)
    source: Source = Source()
    polarization_v_pi_v: float = Field(default=0.8, gt=0, le=20)
    """Of the label, at the generator's output; a sweep finds the true one."""
    sweep_clicks: int = Field(default=120_000, ge=2000, le=10**9)
    """Of all detectors, for the sweep of the phase modulator."""
    balance_clicks: int = Field(default=800_000, ge=10_000, le=10**9)
    """At each of two settings of the plates, to compare the detectors."""
    verification_clicks: int = Field(default=400_000, ge=10_000, le=10**9)
    """On a public pattern with all states and intensities, before key is made."""


class Tracking(_Model):
    """What is done between key blocks (SECURITY rule 10)."""

    plates: bool = True
    """Turn the plates back when error rates of finished blocks rise."""
    bias: bool = True
    """Lock the intensity modulator to its null."""
    start_rise: float = Field(default=0.01, gt=0, lt=0.5)
    """Of an error rate above its best, from which plates are turned."""
    stop_rise: float = Field(default=0.003, gt=0, lt=0.5)
    sigmas: float = Field(default=4.0, gt=0, le=100)
    step_deg: float = Field(default=1.0, gt=0, le=1.0)
    """Between two measurements, with all plates at rest."""
    clicks: int = Field(default=60_000, ge=5000, le=10**9)
    """Wanted at each setting of the plates."""
    dither_share: float = Field(default=0.1, gt=0, lt=0.5)
    """Of the modulator's V_pi, to either side of its null."""


class Recovery(_Model):
    """After an interlock tripped: detectors off, rest, ramp, dark counts."""

    rest_s: float = Field(default=0.2, ge=0, le=600)
    ramp_steps: int = Field(default=4, ge=1, le=100)
    attempts: int = Field(default=3, ge=1, le=20)
    dark_drift: float = Field(default=0.25, ge=0, le=10)
    """Of a dark rate since it was calibrated, relative: temperature and light of the
    room change it, and what holds a wire ill changes it by more [guess]."""


class Bb84Parameters(_Model):
    """Decoy-state BB84 with polarization states; key in X, test in Z."""

    duration_s: float = Field(default=10.0, gt=0, le=1e6)
    """Link time of one key block."""
    blocks: int = Field(default=1, ge=1, le=100_000)
    """Key blocks of a run, one after another."""
    symbol_period_ps: int = Field(default=10_000, gt=0, le=10**10)
    wavelength_nm: float = Field(default=1550.12, gt=600, lt=2000)
    pattern: Pattern = Pattern()
    intensities: Intensities
    basis_x_probability: float = Field(default=0.85, gt=0, lt=1)
    detection: Detection
    distillation: Distillation = Distillation()
    limits: Limits = Limits()
    calibration: Calibration = Calibration()
    tracking: Tracking = Tracking()
    recovery: Recovery = Recovery()

    @property
    def settings_repeat(self) -> bool:
        """The pattern is played again and again: nothing can be claimed."""
        return True

    @property
    def settings_from_generator(self) -> bool:
        """Whether the transmitter itself makes a setting for every pulse of a block."""
        return False

    @property
    def pulses_keep_place(self) -> bool:
        """Whether samples start in step with the pulses, whenever they start."""
        return False

    @property
    def receiver_chooses(self) -> bool:
        """Whether Bob chooses his basis by a modulator, before two detectors."""
        return False

    @property
    def theorem(self) -> str:
        """The formula of the key length, as a block plan names it."""
        return "lim2014"

    @property
    def frame_ps(self) -> int:
        """Duration of one frame."""
        return self.pattern.symbols * self.symbol_period_ps

    @property
    def n_frames(self) -> int:
        """Whole frames in a block, fixed in advance."""
        return max(1, round(self.duration_s * 1e12 / self.frame_ps))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pattern.header_symbols * 4 > self.pattern.symbols:
            raise ValueError("pattern: the header takes more than a quarter of a frame")
        if self.pattern.samples_per_symbol < 2 and not self.pulses_keep_place:
            raise ValueError("pattern.samples_per_symbol: a symbol has 2 or more")
        if self.detection.gate_ps > self.symbol_period_ps:
            raise ValueError(
                f"detection.gate_ps {self.detection.gate_ps} is longer than "
                f"symbol_period_ps {self.symbol_period_ps}"
            )
        return self

    @model_validator(mode="after")
    def _check_block(self) -> Self:
        # What a block plan knows need not be loaded by whoever reads the model only.
        from qkdlab.link.estimate import check_plan
        from qkdlab.link.method import most_bits
        from qkdlab_experiments.frame import block_plan

        plan = block_plan(self, "demonstration")
        try:
            check_plan(plan)
        except UsageError as error:
            raise ValueError(str(error)) from None
        most = most_bits(plan.reconciliation, plan.frame_bits)
        clicks = self.detection.predicted_rate_hz * self.duration_s
        if most is not None and clicks > most:
            raise ValueError(
                f"duration_s {self.duration_s:g} at detection.predicted_rate_hz "
                f"{self.detection.predicted_rate_hz:g} may give more bits than can be "
                f"reconciled with distillation.frame_bits {plan.frame_bits}, "
                f"{most}: take longer frames or shorter blocks"
            )
        return self
