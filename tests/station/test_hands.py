"""A person at the bench: instruments are opened and left as they stand."""

from types import SimpleNamespace

import pytest
from pydantic import BaseModel, Field
from station_fakes import DIARY, FakeBench, config, instrument

from qkdlab.config.models import InstrumentConfig
from qkdlab.errors import InstrumentError, InstrumentTimeout, UsageError
from qkdlab.plugins import driver_specs
from qkdlab.station.hands import as_it_stands, open_hands_on, safe_on_error
from qkdlab.station.safe import SafeReport, make_bench_safe

ON_OPEN = {"apply_on_open": True}


def quiet(what: str, done: float, total: float) -> None:
    pass


def two_parties(**fail: str):
    names = {"alice": ["tagger", "laser", "attenuator"], "bob": ["bias", "awg"]}
    parties = {
        party: config({n: instrument(n, fail=fail.get(n, "")) for n in here}).parties[
            "alice"
        ]
        for party, here in names.items()
    }
    return SimpleNamespace(parties=parties, calibration=[])


def opened(configuration, **wanted):
    return open_hands_on(configuration, FakeBench(), wanted, quiet)


def told(ending):
    return [line.removesuffix(ending) for line in DIARY if line.endswith(ending)]


def test_only_what_is_wanted_is_opened():
    with opened(two_parties(), bob=["awg"]) as stations:
        assert list(stations) == ["bob"]
        assert list(stations["bob"].instruments) == ["awg"]


def test_nothing_is_made_safe_on_leaving():
    with opened(two_parties(), alice=["laser", "attenuator"]):
        pass
    assert told(" safe") == []
    assert told(" closed") == ["alice_laser", "alice_attenuator"]


def test_nothing_is_made_safe_when_opening_fails():
    with pytest.raises(InstrumentTimeout):  # noqa: SIM117
        with opened(two_parties(attenuator="identify"), alice=["laser", "attenuator"]):
            pass
    assert told(" safe") == []
    assert told(" closed")


def test_an_error_makes_what_is_open_safe_light_first():
    with opened(two_parties(), alice=["laser", "attenuator"], bob=["bias"]) as stations:
        with pytest.raises(InstrumentError), safe_on_error(stations):
            raise InstrumentError("laser", "burns")
        assert told(" safe") == ["alice_attenuator", "alice_laser", "bob_bias"]


@pytest.mark.parametrize("leave", [UsageError("no"), KeyboardInterrupt()])
def test_wrong_use_and_signals_make_nothing_safe(leave):
    with opened(two_parties(), alice=["laser"]) as stations:
        with pytest.raises(type(leave)), safe_on_error(stations):
            raise leave
        assert told(" safe") == []


def test_what_could_not_be_made_safe_is_noted():
    configuration = two_parties(laser="safe")
    with opened(configuration, alice=["laser"]) as stations:
        with (
            pytest.raises(ValueError, match="first") as caught,
            safe_on_error(stations),
        ):
            raise ValueError("first")
        assert "alice_laser: stays silent" in caught.value.__notes__[0]


class Input(BaseModel):
    threshold_v: float | None = Field(default=None, json_schema_extra=ON_OPEN)
    range_v: float = 1.0


class Device(BaseModel):
    level_v: float | None = Field(default=None, json_schema_extra=ON_OPEN)
    home_on_open: bool = Field(default=False, json_schema_extra=ON_OPEN)
    timeout_s: float = 3.0
    inputs: list[Input] = []
    start: Input = Input()


def test_options_that_are_written_on_opening_are_left_out():
    options = Device(
        level_v=1.0,
        home_on_open=True,
        timeout_s=9.0,
        inputs=[Input(threshold_v=0.1, range_v=5.0)],
        start=Input(threshold_v=0.5),
    )
    plain = InstrumentConfig(driver="x.y", options=options)
    assert as_it_stands(plain).options == Device(
        timeout_s=9.0, inputs=[Input(range_v=5.0)]
    )
    assert plain.options == options


@pytest.mark.parametrize("spec", driver_specs().values(), ids=lambda spec: spec.name)
def test_every_option_written_on_opening_can_be_left_out(spec):
    for name, field in spec.options.model_fields.items():
        extra = field.json_schema_extra
        marked = isinstance(extra, dict) and bool(extra.get("apply_on_open"))
        assert marked or not name.endswith("_on_open")
        if marked:
            assert field.default in (None, False)


def test_a_bench_is_made_safe_in_the_order_of_all_parties():
    reports = make_bench_safe(two_parties(), FakeBench(), ["alice", "bob"], quiet)
    assert reports == [
        SafeReport(name, None)
        for name in (
            *("alice.attenuator", "bob.awg", "alice.laser", "bob.bias"),
            "alice.tagger",
        )
    ]
    assert told(" safe")[:2] == ["alice_attenuator", "bob_awg"]


def test_one_that_fails_hinders_no_other():
    configuration = two_parties(attenuator="safe", laser="identify", awg="model")
    reports = make_bench_safe(configuration, FakeBench(), ["alice", "bob"], quiet)
    problems = {report.name: report.problem for report in reports}
    assert "stays silent" in problems["alice.attenuator"]
    assert "is a toaster" in problems["bob.awg"]
    assert problems["alice.laser"] is None
    assert problems["bob.bias"] is None
    assert "bob_awg" not in told(" safe")


def test_a_line_that_cannot_be_opened_is_told():
    class Broken(FakeBench):
        def connect(self, party, connection, endpoint):
            if connection == "laser":
                raise InstrumentError("laser", "nobody there")
            return super().connect(party, connection, endpoint)

    reports = make_bench_safe(two_parties(), Broken(), ["alice"], quiet)
    assert [r.name for r in reports] == [
        *("alice.attenuator", "alice.laser", "alice.tagger")
    ]
    assert reports[1] == SafeReport("alice.laser", "laser: nobody there")


def test_light_is_off_before_another_instrument_is_opened():
    """One that is long in answering does not keep a shutter open."""
    make_bench_safe(two_parties(), FakeBench(), ["alice", "bob"], quiet)
    others = [n for n, line in enumerate(DIARY) if line.endswith(" constructed")][1:]
    assert DIARY.index("alice_attenuator safe") < min(others)


def test_only_the_parties_asked_for_are_touched():
    make_bench_safe(two_parties(), FakeBench(), ["bob"], quiet)
    assert told(" safe") == ["bob_awg", "bob_bias"]
