"""From waveforms to the states and intensities of pulses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import Generator, Output, packaged_wiring

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph
from qkdlab_sims.bench.paths import light_paths
from qkdlab_sims.bench.source import ModulatedSource, pulse_period_ps
from qkdlab_sims.optics.light import Light

BEFORE_DB = 0.5 + 4.0 + 3.0
PHOTONS = 1.0
V_PI = 0.8
"""Of both modulators, at the generator; the amplifier saturates a little above."""


def source(**changes: dict[str, float]) -> ModulatedSource:
    linear = {"saturation_v": 1e6}
    wiring = packaged_wiring(
        **({"amplifier_im": linear, "amplifier_pm": linear} | changes)
    )
    graph = Graph(wiring)
    return ModulatedSource(graph, light_paths(graph)["d_x0"])


def pattern(
    generator: Generator, src: ModulatedSource | None = None, delay_ps: int = 7500
) -> Light:
    return (src or source()).pattern(outputs(generator), delay_ps, {})


def stokes(generator: Generator, src: ModulatedSource | None = None) -> NDArray:
    return pattern(generator, src).stokes()


def outputs(generator: Generator) -> dict[tuple[str, int], Output]:
    return {("awg", channel): generator.output(channel) for channel in (1, 2)}


def test_the_period_is_that_of_the_clock() -> None:
    assert pulse_period_ps(Graph(packaged_wiring())) == 10_000


def test_a_clock_without_whole_picoseconds_is_refused() -> None:
    wiring = packaged_wiring(clock={"frequency_hz": 3e8})
    with pytest.raises(ConfigError, match="whole picoseconds"):
        pulse_period_ps(Graph(wiring))


def test_resting_outputs_leave_the_leak_of_the_modulator() -> None:
    (only,) = stokes(Generator())
    expected = PHOTONS * 10 ** (-(BEFORE_DB + 35.0) / 10)
    assert only[0] == pytest.approx(expected, rel=1e-9)


def test_half_wave_voltage_opens_the_modulator() -> None:
    generator = Generator()
    generator.play([V_PI] * 40, [0.0] * 40)
    expected = PHOTONS * 10 ** (-BEFORE_DB / 10)
    assert stokes(generator)[:, 0] == pytest.approx(np.full(40, expected), rel=1e-9)


@pytest.mark.parametrize(
    ("steps", "state"),
    [(0.0, (0, 1, 0)), (0.5, (0, 0, 1)), (1.0, (0, -1, 0)), (1.5, (0, 0, -1))],
)
def test_phase_steps_make_d_r_a_l(steps: float, state: tuple[int, int, int]) -> None:
    generator = Generator()
    generator.play([V_PI] * 40, [steps * V_PI] * 40)
    light = stokes(generator)
    assert light[:, 1:] / light[:, :1] == pytest.approx(
        np.tile(state, (40, 1)), abs=1e-9
    )


def test_each_pulse_gets_its_own_symbol() -> None:
    generator = Generator()
    levels = np.where(np.arange(64) % 7 == 3, V_PI, 0.0)
    generator.play(levels, np.zeros(64))
    bright = stokes(generator)[:, 0] > 0.5 * PHOTONS * 10 ** (-BEFORE_DB / 10)
    assert bright.tolist() == (levels > 0).tolist()


@pytest.mark.parametrize("start_ps", [0, 10_000, 12_340_000, 12_340_700, 12_339_300])
def test_symbol_0_is_the_first_pulse_after_the_start(start_ps: int) -> None:
    generator = Generator()
    levels = np.zeros(64)
    levels[0] = V_PI
    generator.play(levels, np.zeros(64), start_ps=start_ps)
    light = pattern(generator)
    assert int(np.argmax(light.stokes()[:, 0])) == 0
    assert light.first_pulse == round(start_ps / 10_000)


def test_a_pulse_before_the_output_has_risen_counts_for_the_former_symbol() -> None:
    generator = Generator()
    levels = np.zeros(64)
    levels[0] = V_PI
    # The edge comes 0.5 ns before the pulse; the output takes 3 ns to half its height.
    generator.play(levels, np.zeros(64), start_ps=7_000)
    light = pattern(generator)
    assert int(np.argmax(light.stokes()[:, 0])) == 0
    assert light.first_pulse == 1


def test_channels_of_different_length_repeat_together() -> None:
    generator = Generator()
    generator.play([V_PI] * 40, [0.0] * 40)
    generator.outputs[2] = Output(True, True, np.zeros(60 * 10))
    assert len(stokes(generator)) == 120


def test_a_waveform_of_half_symbols_repeats_after_two_periods() -> None:
    generator = Generator()
    generator.play([V_PI] * 4, [0.0] * 4)
    for channel in (1, 2):
        generator.outputs[channel].volts = np.zeros(45)
    assert len(stokes(generator)) == 9


def test_a_pattern_that_hardly_ever_repeats_is_refused() -> None:
    generator = Generator()
    generator.play([V_PI] * 4, [0.0] * 4)
    generator.outputs[1].sample_rate_hz = 1e9 * np.pi / 4
    with pytest.raises(ConfigError, match="repeat only after"):
        stokes(generator)


def test_a_change_of_one_channel_is_seen() -> None:
    generator, src = Generator(), source()
    generator.play([V_PI] * 40, [0.0] * 40)
    first = stokes(generator, src)
    generator.outputs[2] = Output(True, True, np.full(400, V_PI))
    second = stokes(generator, src)
    assert second[:, 0] == pytest.approx(first[:, 0])
    assert second[:, 2] == pytest.approx(-first[:, 2])


def test_two_amplifiers_in_a_row_are_refused() -> None:
    wiring = packaged_wiring()
    data = wiring.model_dump(by_alias=True)
    for cable in data["cables"]:
        if cable["to"] == "mzm.rf":
            cable["to"] = "amplifier_pm.in"
        elif cable["to"] == "amplifier_pm.in":
            cable["to"] = "pm.rf"
        elif cable["to"] == "pm.rf":
            cable["to"] = "mzm.rf"
    twice = Graph(type(wiring).model_validate(data))
    with pytest.raises(ConfigError, match="one amplifier"):
        ModulatedSource(twice, light_paths(twice)["d_x0"])
