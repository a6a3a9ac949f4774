"""The real bench: addresses of the configuration, and what it says without one."""

import pytest
from station_fakes import FakeLine, config, instrument

import qkdlab.station.bench
from qkdlab.clock import RealClock
from qkdlab.errors import ConfigError
from qkdlab.station.bench import expectation_of, open_real_bench, truth_of


@pytest.fixture
def opened(monkeypatch):
    """The addresses that were opened, with their lines."""
    lines: dict[str, FakeLine] = {}

    def open_transport(address: str, name: str) -> FakeLine:
        lines[address] = FakeLine(name)
        return lines[address]

    monkeypatch.setattr("qkdlab.transport.open.open_transport", open_transport)
    return lines


def bench(**instruments):
    return open_real_bench(config(instruments), None)


def test_it_keeps_host_time():
    assert isinstance(bench().clock, RealClock)


def test_it_opens_the_address_of_the_endpoint(opened):
    real = bench(awg=instrument("awg", control="TCPIP::10.0.0.7::5025::SOCKET"))
    real.connect("alice", "awg", "control")
    assert list(opened) == ["TCPIP::10.0.0.7::5025::SOCKET"]
    assert opened["TCPIP::10.0.0.7::5025::SOCKET"].name == "alice.awg"


def test_a_missing_address_names_its_place_and_the_usual_pattern():
    with pytest.raises(ConfigError) as caught:
        bench(awg=instrument("awg")).connect("alice", "awg", "control")
    assert "parties.alice.instruments.awg.address.control" in str(caught.value)
    assert "TCPIP::{host}::5025::SOCKET" in str(caught.value)


def test_a_bus_has_the_address_that_one_of_its_users_gives(opened):
    real = bench(
        qwp=instrument("rotator", bus="plates"),
        hwp=instrument("rotator", bus="plates", control="ASRL/dev/ttyUSB0"),
    )
    real.connect("alice", "plates", "control")
    assert list(opened) == ["ASRL/dev/ttyUSB0"]


def test_users_of_a_bus_must_agree_on_its_address():
    real = bench(
        qwp=instrument("rotator", bus="plates", control="ASRL1"),
        hwp=instrument("rotator", bus="plates", control="ASRL2"),
    )
    with pytest.raises(ConfigError, match="different addresses"):
        real.connect("alice", "plates", "control")


def test_closing_closes_every_line(opened):
    real = bench(awg=instrument("awg", control="A"))
    real.connect("alice", "awg", "control")
    real.close()
    real.close()
    assert opened["A"].closed == 1


def test_a_real_bench_knows_no_truth_and_expects_nothing():
    assert truth_of(bench()) is None
    assert expectation_of(bench(), object()) is None


def test_a_simulated_bench_may_know_more():
    class Knowing:
        def truth(self):
            return {"mu": 0.5}

        def expectation(self, parameters):
            return {"qber": 0.01}

    assert truth_of(Knowing()) == {"mu": 0.5}
    assert expectation_of(Knowing(), object()) == {"qber": 0.01}
    assert qkdlab.station.bench.expectation_of(Knowing(), None) == {"qber": 0.01}
