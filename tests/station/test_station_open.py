"""A station opens its instruments, and leaves them safe on every way out."""

from dataclasses import replace

import pytest
import station_fakes
from station_fakes import DIARY, FakeBench, config, instrument

from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentError,
    InstrumentTimeout,
    ResourceError,
    SecurityAbort,
)
from qkdlab.roles.spec import Endpoint
from qkdlab.station.bench import RealBench
from qkdlab.station.interlocks import GuardedTagger
from qkdlab.station.open import UnverifiedDriverWarning, open_station

SAFE_ORDER = ["attenuator", "awg", "laser", "bias", "tagger", "meter"]
"""BENCHES: light, drive, laser, detectors, tagger; the harmless last."""


def quiet(what: str, done: float, total: float) -> None:
    pass


def opened(configuration, bench=None, witness=None):
    return open_station(configuration, "alice", bench or FakeBench(), quiet, witness)


def full_bench(**fail: str):
    names = ["tagger", "meter", "bias", "laser", "awg", "attenuator"]
    return config({n: instrument(n, fail=fail.get(n, "")) for n in names})


def safe_steps() -> list[str]:
    return [
        line.removesuffix(" safe").removeprefix("alice_")
        for line in DIARY
        if line.endswith(" safe")
    ]


def test_instruments_are_named_for_party_and_instrument():
    with opened(config({"awg": instrument("awg")})) as station:
        assert station.instruments["awg"].name == "alice_awg"


def test_what_instruments_say_of_themselves_is_kept():
    with opened(config({"awg": instrument("awg")})) as station:
        assert station.identities == {"awg": {"model": "fake"}}


def test_each_instrument_gets_the_lines_that_its_driver_names():
    bench = FakeBench()
    with opened(config({"awg": instrument("awg")}), bench) as station:
        line = bench.lines["alice", "awg", "control"]
        assert station.instruments["awg"].connections == {"control": line}


def test_a_bus_is_opened_once_and_lent_to_all_its_users():
    bench = FakeBench()
    plates = {n: instrument("rotator", bus="plates") for n in ("qwp1", "hwp", "qwp2")}
    with opened(config(plates), bench) as station:
        lent = {id(i.connections["control"]) for i in station.instruments.values()}
        assert lent == {id(bench.lines["alice", "plates", "control"])}


def test_leaving_makes_everything_safe_in_the_order_of_benches():
    with opened(full_bench()):
        assert safe_steps() == []
    assert safe_steps() == SAFE_ORDER


def test_leaving_closes_drivers_and_lines():
    bench = FakeBench()
    with opened(full_bench(), bench):
        pass
    assert sum(line.endswith("closed") for line in DIARY) == len(SAFE_ORDER)
    assert all(line.closed for line in bench.lines.values())


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_an_exception_makes_everything_safe_and_passes_on(error):
    with pytest.raises(type(error)) as caught, opened(full_bench()):
        raise error
    assert caught.value is error
    assert safe_steps() == SAFE_ORDER


def test_an_error_half_way_makes_safe_what_was_opened():
    names = {"awg": "", "bias": "identify", "tagger": ""}
    instruments = {n: instrument(n, fail=f) for n, f in names.items()}
    with (
        pytest.raises(InstrumentTimeout, match="alice_bias"),
        opened(config(instruments)),
    ):
        pytest.fail("the station must not open")
    assert safe_steps() == ["awg", "bias"]
    assert "alice_tagger constructed" not in DIARY


def test_a_device_of_another_model_is_sent_nothing_more():
    with (
        pytest.raises(InstrumentError, match="toaster"),
        opened(full_bench(awg="model")),
    ):
        pytest.fail("the station must not open")
    assert "awg" not in safe_steps()
    assert "bias" in safe_steps()


def test_every_step_is_tried_although_an_earlier_one_failed():
    with pytest.raises(InstrumentError), opened(full_bench(attenuator="safe")):
        pass
    assert safe_steps() == SAFE_ORDER


def test_failures_of_the_safe_state_are_an_error_of_their_own():
    faulty = full_bench(attenuator="safe", bias="safe")
    with pytest.raises(InstrumentError) as caught, opened(faulty):
        pass
    assert "alice_attenuator" in str(caught.value)
    assert "alice_bias" in str(caught.value)


def test_failures_of_the_safe_state_do_not_hide_the_first_error():
    with (
        pytest.raises(ValueError, match="broken") as caught,
        opened(full_bench(attenuator="safe")),
    ):
        raise ValueError("broken")
    assert caught.value.__notes__ == [
        "safe state failed: alice_attenuator: stays silent"
    ]


def test_a_role_is_bound_to_its_instrument():
    bound = config({"awg": instrument("awg")}, {"source": {"instrument": "awg"}})
    with opened(bound) as station:
        assert station.roles["source"] is station.instruments["awg"]


def test_a_role_of_no_instrument_is_refused_by_name():
    bound = config({"awg": instrument("awg")}, {"source": {"instrument": "agw"}})
    with (
        pytest.raises(ConfigError, match=r"roles\.source\.instrument.*'agw'"),
        opened(bound),
    ):
        pytest.fail("the station must not open")


def test_a_role_of_a_composite_is_built_from_its_fields():
    fields = {
        "composite": "waveplate_compensator",
        "plates": ["hwp"],
        "retardances_waves": [0.5],
    }
    bound = config({"hwp": instrument("rotator")}, {"compensator": fields})
    with opened(bound) as station:
        assert station.roles["compensator"].plates == [station.instruments["hwp"]]


def test_a_tagger_beside_a_bias_source_is_guarded():
    both = config(
        {"tagger": instrument("tagger"), "bias": instrument("bias")},
        {"tags": {"instrument": "tagger"}},
    )
    with opened(both) as station:
        assert isinstance(station.roles["tags"], GuardedTagger)


def test_a_tagger_behind_detectors_that_need_no_bias_is_guarded_too():
    fixed = {"composite": "fixed_detectors", "tagger": "tagger", "n_detectors": 4}
    bound = config(
        {"tagger": instrument("tagger")},
        {"tags": {"instrument": "tagger"}, "detectors": fixed},
    )
    with opened(bound) as station:
        assert isinstance(station.roles["tags"], GuardedTagger)


def test_a_latched_detector_makes_the_station_safe_before_the_abort(monkeypatch):
    monkeypatch.setattr(station_fakes.FakeBias, "voltages_mv", [1.0, 400.0])
    monkeypatch.setattr(
        station_fakes.FakeTagger, "blocks", [station_fakes.block([5], 0, 10)]
    )
    instruments = {n: instrument(n) for n in ("attenuator", "tagger", "bias", "awg")}
    bound = config(instruments, {"tags": {"instrument": "tagger"}})
    with opened(bound) as station:
        station.roles["tags"].start(800, 1.0)
        with pytest.raises(SecurityAbort) as caught:
            station.roles["tags"].read(10)
        assert caught.value.code is AbortCode.DETECTOR_ALARM
        assert safe_steps() == ["attenuator", "bias"]


def test_a_driver_proved_on_simulators_only_warns_on_a_real_bench(monkeypatch):
    monkeypatch.setattr(RealBench, "connect", lambda *_: station_fakes.FakeLine("x"))
    configuration = config({"awg": instrument("awg")})
    with (
        pytest.warns(UnverifiedDriverWarning, match=r"alice\.awg.*fake\.awg"),
        opened(configuration, RealBench(configuration)),
    ):
        pass


def test_a_driver_proved_on_hardware_does_not_warn(monkeypatch):
    monkeypatch.setattr(RealBench, "connect", lambda *_: station_fakes.FakeLine("x"))
    configuration = config({"meter": instrument("meter")})
    with opened(configuration, RealBench(configuration)):
        pass


def test_a_witness_sees_the_traffic_of_every_line():
    seen = []
    with opened(config({"awg": instrument("awg")}), witness=seen.append) as station:
        station.instruments["awg"].connections["control"].write(b"OUTP ON\n")
    assert [(t.line, t.kind, t.data) for t in seen[:2]] == [
        ("awg.control", "write", b"OUTP ON\n"),
        ("awg.control", "write", b"SAFE\n"),
    ]


def test_a_stream_of_tags_is_not_witnessed(monkeypatch):
    spec = station_fakes.SPECS["fake.awg"]
    stream = replace(spec, endpoints={"control": Endpoint("bytes", is_stream=True)})
    monkeypatch.setitem(station_fakes.SPECS, "fake.awg", stream)
    seen = []
    with opened(config({"awg": instrument("awg")}), witness=seen.append) as station:
        station.instruments["awg"].connections["control"].write(b"tags")
    assert seen == []


def test_a_witness_that_fails_is_told_of_again_after_a_trip():
    def full_disk(traffic):
        raise ResourceError("no space left")

    with opened(full_bench(), FakeBench(), full_disk) as station:
        assert station.safe_state() == []
        line = station.instruments["awg"].connections["control"]
        with pytest.raises(ResourceError):
            line.write(b"OUTP ON\n")


def test_a_witness_that_fails_ends_the_run_but_not_the_safe_state():
    def full_disk(traffic):
        raise ResourceError("no space left")

    bench = FakeBench()
    with (
        pytest.raises(ResourceError),
        opened(full_bench(), bench, full_disk) as station,
    ):
        station.instruments["awg"].connections["control"].write(b"OUTP ON\n")
    assert safe_steps() == SAFE_ORDER
    assert all(line.written[-1] == b"SAFE\n" for line in bench.lines.values())
