"""A bench that another process serves: addresses file, mounts, what is wrong in it."""

import json

import pytest
from station_fakes import FakeLine

from qkdlab.clock import RealClock
from qkdlab.errors import ConfigError, ResourceError
from qkdlab.station.addresses import read_addresses
from qkdlab.station.attached import attach

AWG = {
    "name": "alice.awg",
    "model": "keysight.33622a",
    "role": "PatternGenerator",
    "endpoints": {
        "control": {
            "tcp": "127.0.0.1:40001",
            "visa": "TCPIP::127.0.0.1::40001::SOCKET",
        }
    },
}
TAGGER = {
    "name": "bob.tagger",
    "endpoints": {
        "control": {"zmq": "tcp://127.0.0.1:5555", "pattern": "req"},
        "stream1": {"zmq": "tcp://127.0.0.1:4242", "pattern": "pair"},
    },
}
PLATES = {
    "name": "bob.plates",
    "users": ["bob.qwp1", "bob.hwp"],
    "endpoints": {
        "control": {"pty": "/dev/pts/3", "rfc2217": "rfc2217://127.0.0.1:40002"}
    },
}


@pytest.fixture
def write(tmp_path):
    def write(*instruments):
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"instruments": instruments}))
        return path

    return write


@pytest.mark.parametrize(
    ("connection", "endpoint", "address"),
    [
        ("alice.awg", "control", "tcp://127.0.0.1:40001"),
        ("bob.tagger", "control", "zmq+tcp://127.0.0.1:5555?pattern=req"),
        ("bob.tagger", "stream1", "zmq+tcp://127.0.0.1:4242?pattern=pair"),
        ("bob.plates", "control", "rfc2217://127.0.0.1:40002"),
    ],
)
def test_every_mount_becomes_an_address(write, connection, endpoint, address):
    found = read_addresses(write(AWG, TAGGER, PLATES))
    assert found.of(connection, endpoint) == address


def test_a_pty_is_used_where_there_is_nothing_else(write):
    plates = {**PLATES, "endpoints": {"control": {"pty": "/dev/pts/3"}}}
    found = read_addresses(write(plates))
    assert found.of("bob.plates", "control") == "serial:///dev/pts/3"


def test_the_bench_opens_the_address_and_closes_it(write, monkeypatch):
    lines = {}

    def open_transport(address, name):
        lines[address] = FakeLine(name)
        return lines[address]

    monkeypatch.setattr("qkdlab.transport.open.open_transport", open_transport)
    bench = attach(write(AWG))
    assert isinstance(bench.clock, RealClock)
    assert bench.connect("alice", "awg", "control").name == "alice.awg"
    bench.close()
    assert lines["tcp://127.0.0.1:40001"].closed == 1


def test_an_instrument_that_the_file_lacks_is_named(write):
    with pytest.raises(ConfigError, match=r"no instrument alice\.agw .*alice\.awg"):
        read_addresses(write(AWG)).of("alice.agw", "control")


def test_an_endpoint_that_the_file_lacks_is_named(write):
    with pytest.raises(ConfigError, match=r"alice\.awg has no endpoint 'counts'"):
        read_addresses(write(AWG)).of("alice.awg", "counts")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"instruments": [1]}', '{"instruments": [{"name": 1}]}']
)
def test_a_file_of_another_form_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="qkdlab sim"):
        read_addresses(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="no text"):
        read_addresses(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ResourceError, match=r"a\.json"):
        read_addresses(tmp_path / "a.json")
