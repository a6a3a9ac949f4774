from __future__ import annotations

import re

import fake_bench
import pytest

from qkdlab.wiring.rules import check

KEYSIGHT_OPTIONS = "parties.alice.instruments.awg.options"
AMPLIFIER = "wiring.parts.amplifier_pm.saturation_v=20.0"
"""6 V at the modulator are then 20 atanh(6/20) / 5 = 1.238 V at the generator."""


@pytest.fixture(autouse=True)
def _plugins(monkeypatch):
    fake_bench.install(monkeypatch)


def problems(*overrides):
    return check(fake_bench.bench(*overrides))


def text(found):
    return "\n".join(str(problem) for problem in found)


def only(*overrides):
    (problem,) = problems(*overrides)
    return problem


def cable(source):
    """Return the place in the list of cables of the one that leaves `source`."""
    cables = fake_bench.bench().wiring.cables
    return next(i for i, c in enumerate(cables) if c.source == source)


def test_the_reference_bench_keeps_every_rule():
    assert problems() == []


@pytest.mark.parametrize("name", ["bb84_tiny", "bb84_eve", "bb84_no_key"])
def test_the_variants_keep_every_rule(name):
    from qkdlab.config.load import load

    assert check(load(name)) == []


def test_a_problem_is_one_line_with_its_place():
    line = str(only("wiring.parts.mzm.extinction_db=20.0"))
    assert line.startswith("--set: ")
    assert "wiring.parts.mzm.extinction_db: the classes span 24.0 dB" in line
    assert "\n" not in line


# -- cabling


def test_an_unknown_part_gets_a_suggestion():
    found = problems(f"wiring.cables.{cable('pad.out')}.from=padd.out")
    assert "there is no part 'padd' (did you mean 'pad'?)" in text(found)


def test_an_unknown_port_lists_the_ports():
    found = problems(f"wiring.cables.{cable('awg.ch2')}.from=awg.ch3")
    assert "kind awg has no port 'ch3' (did you mean" in text(found)


def test_a_cable_the_wrong_way_round_is_refused():
    i = cable("awg.ch1")
    found = problems(
        f"wiring.cables.{i}.from=amplifier_im.in", f"wiring.cables.{i}.to=awg.ch1"
    )
    assert "'amplifier_im.in' is an input" in text(found)


def test_a_cable_of_the_wrong_kind_is_refused():
    found = problems(f"wiring.cables.{cable('pad.out')}.kind=rf")
    assert "'pad.out' takes optical; this cable is rf" in text(found)


def test_a_port_wired_twice_is_refused():
    found = problems(f"wiring.cables.{cable('d_x1.out')}.to=tagger.input1")
    assert "'tagger.input1' is wired twice" in text(found)


def test_a_clock_may_feed_several_cables():
    assert not any("clock.out" in str(p) for p in problems())


def test_an_open_input_is_an_error():
    found = problems(f"wiring.cables.{cable('receiver_loss.out')}.to=hwp.in")
    line = next(p for p in found if p.path == ("wiring", "parts", "qwp1"))
    assert line.message.startswith("port 'in' is not connected")
    assert line.severity == "error"


def test_a_dark_output_is_a_warning():
    found = problems(
        "wiring.parts.extra={kind: tap, owner: bob, tap_fraction: 0.01}",
        f"wiring.cables.{cable('receiver_loss.out')}.to=extra.in",
        f"wiring.cables.{cable('eve.out')}.to=receiver_loss.in",
        f"wiring.cables.{cable('awg.sync')}="
        "{from: extra.out, to: qwp1.in, kind: optical}",
    )
    warnings = [p for p in found if p.severity == "warning"]
    assert "wiring.parts.extra: port 'tap' is not connected" in str(warnings[0])


def test_an_unknown_owner_gets_a_suggestion():
    found = problems("wiring.parts.pad.owner=alcie")
    assert "no owner 'alcie' (did you mean 'alice'?)" in str(found[0])


def test_light_from_party_to_party_must_pass_the_channel():
    found = problems("wiring.parts.fibre.owner=alice", "wiring.parts.eve.owner=alice")
    assert any("joins alice to bob directly" in p.message for p in found)


def test_a_trigger_into_start_may_join_the_parties():
    assert problems() == []


def test_a_trigger_into_an_input_may_not_join_the_parties():
    found = problems(
        f"wiring.cables.{cable('sync_delay.ab')}.to=tagger.input1",
        f"wiring.cables.{cable('d_x0.out')}.to=tagger.start",
    )
    assert any("joins alice to bob directly" in p.message for p in found)


def test_a_part_of_a_missing_instrument_gets_a_suggestion():
    found = problems("wiring.parts.awg.instrument=alice.agw")
    assert "no instrument 'alice.agw' (did you mean 'alice.awg'?)" in str(found[0])


def test_a_part_of_the_other_partys_instrument_is_refused():
    found = problems("wiring.parts.qwp1.instrument=alice.awg")
    assert "'alice.awg' is alice's, but the part is bob's" in text(found)


def test_an_instrument_must_be_able_to_do_the_parts_work():
    found = problems("wiring.parts.hwp.instrument=bob.tagger")
    assert "idquantique.id900 is no Rotator" in text(found)


def test_two_parts_may_not_share_an_instrument():
    found = problems("wiring.parts.hwp.instrument=bob.qwp1")
    assert "'qwp1' is bob.qwp1 already" in text(found)


def test_two_detectors_may_not_share_a_channel():
    found = problems("wiring.parts.d_x1.channel=0")
    assert "'d_x0' is channel 0 of bob.websq already" in text(found)


def test_a_channel_beyond_the_bias_source_is_refused():
    found = problems("parties.bob.instruments.websq.options.n_detectors=3")
    assert "bob.websq has the channels 0 to 2" in text(found)


def test_two_instruments_on_one_bus_need_two_addresses():
    line = str(only("parties.bob.instruments.hwp.options.address=0"))
    assert "'qwp1' has address 0 on bus 'plates' too" in line
    assert line.startswith("--set: parties.bob.instruments.hwp.options.address")


# -- signals


def test_the_laser_must_pulse_once_a_symbol():
    line = text(problems("wiring.parts.clock.frequency_hz=80.0e6"))
    assert "80000000 Hz, but symbol_period_ps 10000 wants 100000000 Hz" in line


def test_a_sample_rate_above_the_limit_is_refused():
    line = str(only("parameters.pattern.samples_per_symbol=20"))
    assert "2000 MSa/s; alice.awg reaches 1000 MSa/s" in line


def test_with_its_filter_off_the_generator_is_slower():
    line = str(only(f"{KEYSIGHT_OPTIONS}.filter='OFF'"))
    assert "reaches 250 MSa/s with its filter OFF; set the option" in line


@pytest.mark.parametrize("symbols", [400_001, 4_000_000])
def test_a_pattern_beyond_the_memory_is_refused(symbols):
    found = problems(f"parameters.pattern.symbols={symbols}")
    assert f"{symbols * 10} samples; alice.awg holds 8 to 4000000" in text(found)


def test_more_memory_is_an_option_of_the_generator():
    found = problems(
        "parameters.pattern.symbols=500000", f"{KEYSIGHT_OPTIONS}.max_samples=64000000"
    )
    assert "holds" not in text(found)


def test_a_run_shorter_than_a_frame_is_refused():
    assert "shorter than one frame" in str(only("parameters.duration_s=1e-4"))


def test_a_saturated_amplifier_is_refused():
    line = str(only("wiring.parts.amplifier_pm.saturation_v=6.0"))
    assert "saturates at 6 V, but 'pm' needs 6 V" in line


def test_a_bent_amplifier_is_a_warning():
    problem = only("wiring.parts.amplifier_pm.saturation_v=10.0")
    assert problem.severity == "warning"
    assert "60% of saturation" in problem.message


def test_an_amplifier_input_has_a_greatest_voltage():
    swept_less = "parameters.calibration.polarization_v_pi_v=0.5"
    line = str(only(AMPLIFIER, "wiring.parts.amplifier_pm.max_input_v=1.2", swept_less))
    assert "takes 1.2 V, but 'pm' needs 1.24 V here; use more gain" in line


def test_the_generator_has_a_greatest_voltage(monkeypatch):
    fake_bench.install(monkeypatch, keysight={"max_output_v": 1.0})
    line = str(only(AMPLIFIER))
    assert "'pm' needs 1.24 V from 'awg', which gives 1 V into 50 Ohm" in line


def test_loss_in_a_drive_line_needs_more_voltage():
    found = problems(AMPLIFIER, f"wiring.cables.{cable('awg.ch2')}.loss_db=13.0")
    assert "'pm' needs 5.53 V from 'awg'" in text(found)


def test_a_drive_line_into_high_impedance_is_refused():
    line = str(only(f"wiring.cables.{cable('awg.ch1')}.impedance_ohm=1.0e6"))
    assert "1e+06 Ohm" in line
    assert "terminate the line with 50 Ohm" in line


def test_a_delay_generator_cannot_make_the_symbol_clock():
    line = "{from: clock.out, to: sync_delay.trigger, kind: reference}"
    found = problems(f"wiring.cables.{cable('awg.sync')}={line}")
    assert "takes trigger; this cable is reference" in text(found)


def test_a_trigger_above_the_limit_is_refused():
    line = str(only("wiring.parts.sync_delay.max_trigger_hz=1000"))
    assert "is triggered at 1250 Hz, above its limit of 1000 Hz" in line


def test_a_delay_as_long_as_the_frame_is_refused():
    line = str(only("wiring.parts.sync_delay.delay_ps=800000000"))
    assert "no shorter than the 8e+08 ps between triggers" in line


@pytest.mark.parametrize(("volts", "shown"), [(3.3, "3.3"), (0.01, "0.01")])
def test_the_start_input_has_a_range(volts, shown):
    line = str(only(f"wiring.parts.sync_delay.output_v={volts}"))
    assert f"START of bob.tagger gets {shown} V; it takes 0.05 to 2 V" in line


def test_a_high_impedance_start_doubles_the_level():
    i = cable("sync_delay.ab")
    line = str(
        only(
            f"wiring.cables.{i}.impedance_ohm=1.0e6",
            "wiring.parts.sync_delay.output_v=1.5",
        )
    )
    assert "gets 3 V" in line


def test_start_has_a_greatest_rate(monkeypatch):
    fake_bench.install(monkeypatch, idquantique={"max_start_hz": 1000.0})
    assert "START comes at 1250 Hz, above its 1000 Hz" in str(only())


# -- light


def test_too_little_loss_for_the_attenuator_is_refused():
    line = str(
        only("wiring.parts.pad.loss_db=0.0", "wiring.parts.laser.mean_power_dbm=0")
    )
    assert (
        "mean photon number 0.5 needs 74.0 dB here, but the bench gives 0 to 60" in line
    )


def test_too_much_loss_for_the_wanted_light_is_refused():
    found = problems("wiring.parts.pad.loss_db=70.0")
    assert "needs -6.0 dB here" in text(found)
    assert "remove loss" in text(found)


def test_the_drivers_range_of_the_attenuator_counts(monkeypatch):
    fake_bench.install(monkeypatch, hp={"max_attenuation_db": 30.0})
    assert "gives 0 to 30 dB" in str(only())


def test_each_class_must_be_above_the_meters_floor():
    line = str(only("wiring.parts.tap_meter.floor_dbm=-40.0"))
    assert "class 'vacuum' gives -51.5 dBm here; the meter reads -40 to" in line


def test_the_drivers_floor_counts(monkeypatch):
    fake_bench.install(monkeypatch, thorlabs={"floor_dbm": -45.0})
    assert "the meter reads -45 to" in str(only())


def test_light_above_the_meters_range_is_refused():
    found = problems("wiring.parts.tap_meter.max_dbm=-30.0")
    assert "class 'signal' gives -27.5 dBm here" in text(found)


def test_an_instrument_at_another_wavelength_is_refused():
    line = str(only("parties.alice.instruments.attenuator.options.wavelength_nm=1310"))
    assert "1550.12 nm, but alice.attenuator is set to 1310 nm" in line


def test_a_bias_that_latches_is_refused():
    line = str(only("parameters.detection.bias_ua=[22, 31, 22, 22]"))
    assert "31 uA would latch 'd_x1', which switches at 30.1 uA" in line


def test_a_bias_close_to_switching_is_a_warning():
    found = problems("parameters.detection.bias_ua=[27.5, 22, 22, 22]")
    assert found[0].severity == "warning"
    assert "above 95% of the switching current" in found[0].message


def test_a_bias_above_the_sources_limit_is_refused(monkeypatch):
    fake_bench.install(monkeypatch, singlequantum={"max_bias_ua": 20.0})
    assert "bob.websq gives at most 20 uA" in text(problems())


def test_a_tag_rate_above_the_taggers_limit_is_refused(monkeypatch):
    fake_bench.install(monkeypatch, idquantique={"max_rate_hz": 1.9e6})
    found = problems("parameters.detection.predicted_rate_hz=1.8e6")
    assert "about 1.99 M tags/s are expected; bob.tagger takes 1.9 M" in str(found[1])


def test_the_predicted_rate_must_not_exceed_the_taggers_limit():
    found = problems("parameters.detection.predicted_rate_hz=9.0e6")
    assert "9e+06 /s; bob.tagger takes 8e+06 /s" in text(found)


def test_a_predicted_rate_below_the_expected_one_is_a_warning():
    problem = only("parameters.detection.predicted_rate_hz=1.0e6")
    assert problem.severity == "warning"
    assert "about 1.99e+06 /s are expected" in problem.message


def test_calibration_with_the_brightest_class_alone_must_not_hang_the_tagger(
    monkeypatch,
):
    fake_bench.install(monkeypatch, idquantique={"max_rate_hz": 3.0e6})
    found = problems("parameters.detection.predicted_rate_hz=2.9e6")
    assert [p.severity for p in found] == ["warning", "error"]
    assert "about 3.5" in found[1].message
    assert "sends the brightest class alone; bob.tagger takes 3 M" in found[1].message


def test_a_predicted_rate_below_that_of_calibration_is_a_warning():
    problem = only("parameters.detection.predicted_rate_hz=3.0e6")
    assert problem.severity == "warning"
    assert "while calibration sends the brightest class alone" in problem.message


@pytest.mark.parametrize(
    ("reference", "severity", "words"),
    [
        ("internal", "error", "reference is 'internal', but 'awg.ref_in' is connected"),
        ("null", "warning", "left as it was found, but 'awg.ref_in' is connected"),
    ],
)
def test_a_generator_uses_the_reference_that_is_cabled(reference, severity, words):
    problem = only(f"{KEYSIGHT_OPTIONS}.reference={reference}")
    assert problem.severity == severity
    assert words in problem.message
    assert "set reference: external" in problem.message


def test_a_generator_needs_the_reference_that_it_is_set_to():
    place = next(
        i
        for i, c in enumerate(fake_bench.bench().wiring.cables)
        if c.target == "awg.ref_in"
    )
    found = text(problems(f"wiring.cables.{place}.to=laser.clock"))
    assert "reference is 'external', but 'awg.ref_in' is not connected" in found


def test_a_problem_with_the_file_has_its_line(monkeypatch):
    fake_bench.install(monkeypatch, hp={"max_attenuation_db": 30.0})
    assert re.search(r"bb84\.yaml:\d+:17: wiring\.parts\.attenuator: mean", str(only()))
