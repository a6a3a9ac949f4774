"""What calibration plays on the drive lines must not harm or hang on the amplifiers."""

from __future__ import annotations

import fake_bench
import numpy as np
import pytest

from qkdlab.wiring.rules import check
from qkdlab.wiring.rules_drive import INTENSITY_SWEEP, PHASE_SWEEP
from qkdlab_experiments.calibration import modulator
from qkdlab_experiments.calibration.phase_levels import sweep_voltages_v

INTENSITY = "parameters.calibration.source.intensity_v_pi_v"
POLARIZATION = "parameters.calibration.polarization_v_pi_v"


@pytest.fixture(autouse=True)
def _plugins(monkeypatch):
    fake_bench.install(monkeypatch)


def lines(*overrides):
    return [str(problem) for problem in check(fake_bench.bench(*overrides))]


@pytest.mark.parametrize(
    ("parameter", "swept", "amplifier"),
    [(INTENSITY, "5.2 V", "amplifier_im"), (POLARIZATION, "8 V", "amplifier_pm")],
)
def test_v_pi_of_the_electrode_would_destroy_the_amplifier(parameter, swept, amplifier):
    (line,) = lines(f"{parameter}=4.0")
    assert parameter in line
    assert f"swept to {swept}, but '{amplifier}' takes 2 V" in line


def test_an_amplifier_that_bears_the_states_may_not_bear_their_sweep():
    (line,) = lines("wiring.parts.amplifier_pm.max_input_v=1.5")
    assert "0.8 V at the generator is swept to 1.6 V" in line


def test_loss_before_the_amplifier_protects_it():
    bench = fake_bench.bench()
    i = next(k for k, c in enumerate(bench.wiring.cables) if c.source == "awg.ch2")
    found = lines(
        "wiring.parts.amplifier_pm.max_input_v=1.5", f"wiring.cables.{i}.loss_db=3.0"
    )
    assert not any("swept" in line for line in found)


@pytest.mark.parametrize("name", ["amplifier_im", "amplifier_pm"])
def test_an_amplifier_behind_a_capacitor_is_refused(name):
    (line,) = lines(f"wiring.parts.{name}.ac_coupling_hz=5e4")
    assert f"wiring.parts.{name}.ac_coupling_hz: passes nothing below 50000 Hz" in line


def test_the_rules_know_how_far_the_steps_go():
    assert modulator._DRIVE_REACH == INTENSITY_SWEEP
    most_v = float(np.max(sweep_voltages_v(0.8, 32)))
    assert most_v == PHASE_SWEEP * 0.8
