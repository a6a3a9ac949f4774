"""What an experimenter reads from a gain-switched laser, and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laser_bench import FIELDS, PLAIN, PULSES, engine, pulse_of
from pair_bench import PERIOD_PS, QUIET, delays, detectors

from qkdlab_sims.optics.channels.echo import Echo
from qkdlab_sims.optics.detector import PULSES_PER_TICK, simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.joint import JointLaw
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.sources.laser.arrivals import LaserArrivals, PhaseWalk
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics

FAST = replace(
    QUIET, recovery_tau_ps=100.0
)  # a wire that is back before the next pulse
BRIGHT = np.sqrt([[0.5, 0.5]]).astype(complex)
STILL = PulseDynamics(pulse_fwhm_ps=40.0)


def walk(step_rad, dynamics=STILL):
    return PhaseWalk(dynamics, step_rad, 4, "laser")


def clicks_by_pulse(tags, n_ticks):
    n = n_ticks * PULSES_PER_TICK
    return [np.bincount(pulse_of(t)[pulse_of(t) >= 0], minlength=n)[:n] for t in tags]


def visibility(step_rad, n_ticks=3):
    """Fringe visibility of neighbouring pulses, from clicks at four phases."""
    counts = []
    for phase in (0.0, math.pi / 2, math.pi, 3 * math.pi / 2):
        one, two = engine(
            n_ticks,
            STILL,
            FAST,
            0.3 * PLAIN,
            ports=(1.0, phase),
            step_rad=step_rad,
            seed=7,
        )
        counts.append((len(one) - len(two)) / (len(one) + len(two)))
    return math.hypot(counts[0] - counts[2], counts[1] - counts[3]) / 2


@pytest.mark.parametrize("step_rad", [0.0, 0.6, 1.2])
def test_fringes_of_neighbours_give_the_diffusion_of_the_phase(step_rad):
    # mean of exp(i step) for a normal step
    found = visibility(step_rad)
    assert found == pytest.approx(math.exp(-(step_rad**2) / 2), abs=0.02)


def test_uniform_phases_leave_no_fringe():
    assert visibility(math.inf) < 0.02


@pytest.mark.parametrize("step_rad", [0.05, 1.0, math.inf])
def test_phases_do_not_depend_on_which_are_asked_for(step_rad):
    rng = np.random.default_rng(1)
    pulses = np.concatenate((np.arange(200), rng.integers(0, 1 << 47, 200)))
    together = walk(step_rad).phases_rad(pulses)
    for i in (0, 7, 199, 200, 399):
        alone = walk(step_rad).phases_rad(pulses[i : i + 1])[0]
        apart = abs(together[i] - alone)
        assert min(apart, 2 * math.pi - apart) < 1e-6


def test_steps_of_a_walk_are_independent_normal_numbers():
    from scipy.stats import kstest

    phases = np.unwrap(walk(0.3).phases_rad(np.arange(5_000_000, 5_020_000)))
    steps = np.diff(phases)
    assert kstest(steps, "norm", args=(0, 0.3)).pvalue > 1e-4
    assert kstest(steps, "norm", args=(0, 0.32)).pvalue < 1e-3
    bound = 4 / math.sqrt(len(steps))
    for lag in (1, 2, 64):
        assert abs(np.corrcoef(steps[lag:], steps[:-lag])[0, 1]) < bound


def test_phases_far_apart_are_uniform():
    from scipy.stats import kstest

    phases = walk(0.3).phases_rad(np.arange(0, 1 << 40, 1 << 28))
    assert kstest(phases / (2 * math.pi), "uniform").pvalue > 1e-4


def test_counts_of_one_pulse_and_its_neighbour_give_noise_and_its_memory():
    pulses = replace(STILL, noise_rms=0.3, noise_neighbour=-0.35)
    n_ticks = 20
    tags = engine(n_ticks, pulses, FAST, BRIGHT)
    one, two = (c.astype(float) for c in clicks_by_pulse(tags, n_ticks))
    p = one.mean()
    # a click of a pulse with energy e has the chance 1 - exp(-m e): linear in e as far
    # as the noise goes, with slope m exp(-m) (1 - m rms^2 / 2 ...)
    m = -math.log(1 - p)
    slope = m * math.exp(-m) / p
    same = np.cov(one, two)[0, 1] / (one.mean() * two.mean()) / slope**2
    after = np.cov(one[1:], two[:-1])[0, 1] / (one.mean() * two.mean()) / slope**2
    error = 4 / (p * math.sqrt(len(one))) * (1 - p) / slope**2
    assert abs(same - 0.3**2) < error + 0.05 * 0.3**2
    assert abs(after + 0.35 * 0.3**2) < error + 0.05 * 0.35 * 0.3**2
    assert error < 0.15 * 0.3**2


def test_energies_on_demand_have_the_noise_and_its_memory():
    pulses = replace(STILL, noise_rms=0.2, noise_neighbour=0.3)
    found = walk(0.0, pulses).energies(np.arange(100_000))
    assert np.mean(found) == pytest.approx(1, abs=0.004)
    assert np.std(found) == pytest.approx(0.2, rel=0.02)
    bound = 4 / math.sqrt(len(found))
    correlations = [np.corrcoef(found[n:], found[:-n])[0, 1] for n in (1, 2, 3)]
    assert np.allclose(correlations, (0.3, 0, 0), atol=bound)


def test_jitter_is_what_two_detectors_have_in_common():
    # width, jitter and detectors make the spread of either; jitter alone drops out of
    # the difference within a pulse
    pulses = replace(STILL, jitter_rms_ps=70.0)
    one, two = engine(10, pulses, FAST, BRIGHT)
    spread = np.var(one - pulse_of(one) * PERIOD_PS)
    apart = np.var(delays(one, two, 1_000))
    jitter = math.sqrt(spread - apart / 2)
    assert jitter == pytest.approx(70, rel=0.02)
    detector = 30.0**2 / 5.545177
    assert math.sqrt(apart / 2 - detector) * 2.354820 == pytest.approx(40, rel=0.1)


@pytest.mark.parametrize("jitter_rms_ps", [60.0, 9_000.0])
@given(steps=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_clicks_do_not_depend_on_how_the_run_is_cut(jitter_rms_ps, steps):
    pulses = replace(PULSES, jitter_rms_ps=jitter_rms_ps)
    fields = 0.05 * FIELDS
    whole, cut = (engine(4, pulses, fields=fields, steps=s) for s in ([None], steps))
    for one, two in zip(whole, cut, strict=True):
        assert np.array_equal(one, two)


def test_deep_modulation_at_low_rates_randomises_and_high_rates_or_bias_do_not():
    slow = STILL.phase_step_rad(0.9, 900.0)
    fast = STILL.phase_step_rad(0.9, 60.0)
    near = STILL.phase_step_rad(0.999, 900.0)
    assert slow == math.inf
    assert fast < 0.5
    assert near < 0.5


def test_diffusion_is_continuous_at_threshold():
    below = STILL.phase_step_rad(1 - 1e-9, 500.0)
    above = STILL.phase_step_rad(1.2, 500.0)
    expected = math.sqrt(1.0 * (1 + 4.0**2) / (2 * 1e5) * 500.0)
    assert above == pytest.approx(expected)
    assert below == pytest.approx(expected, rel=1e-6)


def test_fringes_recover_the_bias_that_made_the_phases():
    step = STILL.phase_step_rad(0.95, 150.0)
    assert 0.1 < step < 1.0
    assert math.sqrt(-2 * math.log(visibility(step))) == pytest.approx(step, rel=0.1)


def _numeric_overlap(one, two, delay_ps, detuning_thz):
    t = np.linspace(-400, 400, 80_001)

    def field(pulse, at):
        half = pulse.pulse_fwhm_ps / (2 * math.sqrt(math.log(2)))
        return np.exp(-(1 + 1j * pulse.chirp) * at**2 / (2 * half**2))

    a = field(one, t)
    b = field(two, t - delay_ps) * np.exp(2j * math.pi * detuning_thz * t)
    inner = np.sum(a.conj() * b)
    return abs(inner) ** 2 / (np.sum(abs(a) ** 2) * np.sum(abs(b) ** 2))


@given(
    st.floats(20, 80),
    st.floats(20, 80),
    st.floats(-5, 5),
    st.floats(-5, 5),
    st.floats(-50, 50),
    st.floats(-0.02, 0.02),
)
def test_overlap_is_the_integral_of_the_fields(w1, w2, c1, c2, delay, detuning):
    one = PulseDynamics(pulse_fwhm_ps=w1, chirp=c1)
    two = PulseDynamics(pulse_fwhm_ps=w2, chirp=c2)
    expected = _numeric_overlap(one, two, delay, detuning)
    assert one.overlap(two, delay, detuning) == pytest.approx(expected, abs=1e-6)


def test_jitter_lowers_the_overlap_of_chirped_pulses_as_the_mean_over_delays():
    pulse = PulseDynamics(pulse_fwhm_ps=40.0, chirp=3.0, jitter_rms_ps=8.0)
    delays_ps = np.random.default_rng(2).normal(0, 8 * math.sqrt(2), 40_000)
    mean = np.mean([pulse.overlap(pulse, d) for d in delays_ps])
    assert pulse.jittered_overlap(pulse) == pytest.approx(mean, abs=0.01)
    assert replace(pulse, jitter_rms_ps=0.0).jittered_overlap(pulse) > 0.6


@pytest.mark.parametrize("chirp", [-4.0, 0.0, 3.0])
def test_widths_behind_two_dispersions_give_the_chirp(chirp):
    pulse = PulseDynamics(pulse_fwhm_ps=50.0, chirp=chirp)
    half_square = 50.0**2 / (4 * math.log(2))
    widths = [pulse.dispersed_fwhm_ps(s * 300.0) ** 2 for s in (1, -1)]
    slope = (widths[0] - widths[1]) / (2 * 300.0)
    assert slope * half_square / (2 * 50.0**2) == pytest.approx(chirp, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jitter_rms_ps": -1.0}, "jitter_rms_ps is -1 ps, but must be between 0 and"),
        ({"noise_neighbour": 0.7}, "noise_neighbour is 0.7"),
        ({"noise_rms": 2.0}, "noise_rms is 2"),
        ({"pulse_fwhm_ps": 0.0}, "pulse_fwhm_ps is 0 ps"),
        ({"peak_photons": 0.0}, "peak_photons is 0"),
    ],
)
def test_values_outside_physics_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(STILL, **change)


@pytest.mark.parametrize("laser", [None, STILL])
def test_an_echo_comes_its_delay_after_the_pulse(laser):
    fields = np.zeros((8, 2), complex)
    fields[0] = 0.7
    light = Light(fields, 1550.0, pulse_fwhm_ps=40.0, dynamics=laser)
    state, eta = detectors((FAST,), (7_500,), "detectors")
    vectors = eta[:, None] * np.array([analyser_vector(np.eye(2))])
    echo = Echo(delay_ps=12_345, loss_db=5.0)
    end = 4 * PULSES_PER_TICK
    (tags,) = simulate_pulses(state, light, vectors, 0, end, echo=echo).times_ps
    since = (tags - 7_500) % (8 * PERIOD_PS)
    late = since[np.abs(since - 12_345) < 2_000]
    assert len(late) > 1_000
    assert np.mean(late) == pytest.approx(12_345, abs=5)


def test_settings_on_both_sides_want_pulses_that_stay_in_their_periods():
    law = ContextLaw.of(CounterSettings(b"k" * 16, 9, Shares((32768,))), [])
    joint = JointLaw.beside(law, law, 0)
    light = Light(np.ones((4, 2), complex), 1550.0, law=joint)
    vectors = 1e-3 * np.eye(2, 4)
    LaserArrivals(STILL, light, vectors, 1_000, 1)
    with pytest.raises(ValueError, match="less than half a period"):
        LaserArrivals(STILL, light, vectors, 200, 1)


def test_jitter_of_a_tick_is_refused():
    with pytest.raises(ValueError, match="half a tick"):
        LaserArrivals(
            replace(STILL, jitter_rms_ps=9_000.0), Light(PLAIN, 1.0), np.eye(2, 4), 1, 1
        )


def test_an_interferometer_wants_unmodulated_light():
    with pytest.raises(ValueError, match="unmodulated"):
        LaserArrivals(
            STILL,
            Light(FIELDS, 1.0),
            np.eye(2, 4),
            PERIOD_PS,
            1,
            interferometer=(1.0, 0.0),
        )
