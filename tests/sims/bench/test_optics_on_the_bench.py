"""Phases of the laser behind an interferometer, and a squeezer, found again in tags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import curve_fit
from world_stubs import StubBench, packaged_wiring

from qkdlab.errors import ConfigError

QUICK = {d: {"recovery_tau_ps": 100.0} for d in ("d_x0", "d_x1", "d_z0", "d_z1")}
PEAK_PHOTONS = 2e8
METER = {"kind": "interferometer", "owner": "bob", "contrast": 0.9}
PORTS = {"splitter.x": "splitter.a", "splitter.z": "splitter.b"}


def fringe(
    bias_ma: float, phase_rad: float = 0.0, period_ps: int = 10_000, **pulses: float
) -> float:
    """Return how unlike the two ports count."""
    own = {"peak_photons": PEAK_PHOTONS} | pulses
    rate_hz = 1e12 / period_ps
    made = StubBench(
        2,
        modulator_phase_rad=math.pi,
        laser={"pulses": own},
        splitter=METER | {"phase_rad": phase_rad},
        ports=PORTS,
        clock={"frequency_hz": rate_hz},
        pulse_former={"centre_hz": rate_hz},
        **QUICK,
    )
    made.clock.hz = rate_hz
    made.attenuator.db = 36.0
    made.laser.ma = bias_ma
    made.run(20_000_000_000)
    a, b, c, d = (len(made.tagger.times(i)) for i in (1, 2, 3, 4))
    assert a + b + c + d > 10_000
    return (a + b - c - d) / (a + b + c + d)


def expected(bias_ma: float, fwhm_ps: float = 30.0) -> float:
    """Return the fringe that diffusion leaves: Henry, as in docs/sources.md."""
    decay = (1.0 - bias_ma / 12.0) / 2.0
    dark_ps = 10_000.0 - fwhm_ps
    variance = (1 + 16.0) / (2 * PEAK_PHOTONS * decay) * math.expm1(decay * dark_ps)
    return 0.9 * math.exp(-variance / 2)


def test_pulses_from_noise_leave_no_fringe() -> None:
    assert fringe(10.0) == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("bias_ma", [11.974, 11.980])
def test_phase_diffusion_is_recovered_from_the_fringe(bias_ma: float) -> None:
    fwhm_ps = packaged_wiring().parts["laser"].pulse_fwhm_ps
    found = fringe(bias_ma)
    assert found == pytest.approx(expected(bias_ma, fwhm_ps), abs=0.04)
    assert found > 0.2


def test_lifetime_and_linewidth_are_recovered_from_fringes_by_pulse_rate() -> None:
    """What is left of the field between pulses falls with the time between them."""
    own = {
        "peak_photons": 2e6,
        "photon_lifetime_ps": 2.5,
        "linewidth_enhancement": 3.0,
    }
    bias_ma, fwhm_ps = 11.82, packaged_wiring().parts["laser"].pulse_fwhm_ps
    periods_ps = (800, 1_000, 1_250, 1_600)
    fringes = np.array([fringe(bias_ma, period_ps=p, **own) for p in periods_ps])
    assert np.all(np.diff(fringes) < 0.0)
    assert fringe(bias_ma, **own) == pytest.approx(0.0, abs=0.03)

    def law(dark_ps: Any, lifetime_ps: float, enhancement: float) -> Any:
        decay = (1.0 - bias_ma / 12.0) / lifetime_ps
        diffused = np.expm1(decay * dark_ps) / (2 * 2e6 * decay)
        return 0.9 * np.exp(-(1.0 + enhancement**2) * diffused / 2)

    found, _ = curve_fit(law, np.array(periods_ps) - fwhm_ps, fringes, (2.0, 4.0))
    assert found == pytest.approx([2.5, 3.0], rel=0.05)


def test_the_other_port_has_what_the_one_lacks() -> None:
    assert fringe(11.98, math.pi) == pytest.approx(-fringe(11.98), abs=0.05)


def test_an_interferometer_wants_a_laser_with_phases() -> None:
    with pytest.raises(ConfigError, match="give the laser its `pulses`"):
        StubBench(2, splitter=METER, ports=PORTS)


def test_light_with_settings_is_refused() -> None:
    made = StubBench(2, laser={"pulses": {}}, splitter=METER, ports=PORTS)
    made.generator.play([0.8] * 64, [0.0] * 64)
    with pytest.raises(ConfigError, match="light without settings"):
        made.run(1_000_000_000)


SQUEEZER = {"kind": "squeezer", "owner": "bob", "v_pi_v": 50.0, "max_v": 100.0}
STEP_PS = 30_000_000_000


def squeezed(hysteresis: float, volts: list[float]) -> NDArray[np.float64]:
    """Return float64[n, 4], shares of the counts of each arm after each voltage."""
    made = StubBench(
        4,
        modulator_phase_rad=math.pi,
        qwp1=SQUEEZER | {"hysteresis": hysteresis, "axis_deg": 22.5},
        **QUICK,
    )
    made.attenuator.db = 38.0
    shares = []
    for volt in volts:
        made.squeezer.set(volts=volt)
        made.run(made.tagger.complete_ps + 1_000_000_000)
        rates = made.rates_hz(STEP_PS * 1e-12)
        shares.append([rates[0] / rates[:2].sum(), rates[1] / rates[:2].sum()])
        shares[-1] += [rates[2] / rates[2:].sum(), rates[3] / rates[2:].sum()]
    return np.array(shares)


def test_half_wave_voltage_and_hysteresis_are_recovered_from_counts() -> None:
    volts = np.arange(0.0, 101.0, 12.5)
    plain = squeezed(0.0, volts.tolist())

    def curve(v_pi_v: float) -> tuple[NDArray[np.float64], float]:
        turn = np.pi * volts / v_pi_v
        columns = np.column_stack((np.ones(len(volts)), np.cos(turn), np.sin(turn)))
        found, residual, *_ = np.linalg.lstsq(columns, plain, rcond=None)
        return found, float(residual.sum())

    trial = np.arange(40.0, 60.0, 0.1)
    best = trial[np.argmin([curve(v)[1] for v in trial])]
    assert best == pytest.approx(50.0, abs=1.0)

    looped = squeezed(0.15, [100.0, 50.0, 0.0, 50.0])
    angles = np.linspace(0, 2 * np.pi, 2001)
    model = np.column_stack((np.ones(2001), np.cos(angles), np.sin(angles)))
    shares = model @ curve(50.0)[0]
    down, up = (
        angles[np.argmin(((shares - looped[i]) ** 2).sum(axis=1))] for i in (1, 3)
    )
    # the loop is widest in the middle of the range, whose retardance is 2 pi
    assert (down - up) / (2 * np.pi) == pytest.approx(0.15, abs=0.02)


def test_the_axis_of_a_squeezer_is_recovered_from_counts() -> None:
    """Over a full turn of its retardance only light along its axis is left.

    A half-wave plate behind it, at angle a, before D and A (the plate at 45 degrees
    leaves these alone) sees of that sin(4 a - 2 axis).
    """
    made = StubBench(
        4,
        modulator_phase_rad=math.pi,
        qwp1=SQUEEZER | {"hysteresis": 0.0, "axis_deg": 22.5, "axis_error_deg": 9.0},
        **QUICK,
    )
    made.attenuator.db = 38.0
    made.motors.angles_deg[2] = 45.0
    plate_deg = np.arange(4) * 22.5
    contrasts = np.zeros(4)
    for i, angle_deg in enumerate(plate_deg):
        made.motors.angles_deg[1] = angle_deg
        for volts in np.arange(8) * 12.5:
            made.squeezer.set(volts=volts)
            made.run(made.tagger.complete_ps + 1_000_000_000)
            d, a = made.rates_hz(0.005)[2:]
            contrasts[i] += (d - a) / (d + a) / 8
    turns = np.exp(1j * np.radians(4 * plate_deg))
    axis_deg = np.degrees(np.angle(contrasts @ turns)) / 2 - 45.0
    assert abs(contrasts @ turns) > 0.5
    assert axis_deg % 90.0 == pytest.approx(22.5 + 9.0, abs=1.0)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        (SQUEEZER | {"hysteresis": 0.5}, "less than or equal to 0.3"),
        (SQUEEZER | {"v_pi_v": 0.0}, "greater than or equal to 0.1"),
        (METER | {"contrast": 1.5}, "less than or equal to 1"),
    ],
)
def test_optics_outside_physics_is_refused_at_load(
    fields: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValidationError, match=match):
        packaged_wiring(qwp1=fields)


def test_retardance_and_zero_of_a_plate_are_recovered_from_counts() -> None:
    """A plate at angle a, of retardance d, before D and A.

    The contrast has s (1 + cos d)/2 beside -s (1 - cos d)/2 cos(4a), s the light's own,
    and its circular part times sin d cos(2a).
    """
    made = StubBench(
        4, modulator_phase_rad=math.pi, qwp1={"retardance_waves": 0.27}, **QUICK
    )
    made.true.plate_zero_deg["qwp1"] = 7.0
    made.attenuator.db = 38.0
    made.motors.angles_deg[2] = 45.0
    angles_deg = np.arange(16) * 11.25
    contrasts = []
    for angle_deg in angles_deg:
        made.motors.angles_deg[0] = angle_deg
        made.run(made.tagger.complete_ps + 1_000_000_000)
        d, a = made.rates_hz(0.02)[2:]
        contrasts.append((d - a) / (d + a))
    turns = np.exp(1j * np.radians(angles_deg))
    once, twice = (np.mean(contrasts * turns**n) for n in (2, 4))
    zero_deg = -np.degrees(np.angle(once)) / 2
    assert zero_deg % 90.0 == pytest.approx(7.0, abs=0.3)
    upright = twice * np.exp(4j * np.radians(zero_deg))
    square = -2 * upright.real / np.mean(contrasts)
    waves = math.atan(math.sqrt(square)) / math.pi
    assert waves == pytest.approx(0.27, abs=0.005)
