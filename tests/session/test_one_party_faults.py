"""Somebody on the line between two parties: both end in exit 3, and release no key."""

from __future__ import annotations

import pytest
import tcp_proxy
from session.two_parties import Pair, install
from station_fakes import DIARY
from tcp_proxy import BACK, FORTH, Proxy

import qkdlab.session.party
from qkdlab.errors import PeerLost, SecurityAbort
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.session.run import Outcome

MESSAGES = {"greeting": 0, "met": 1, "hello": 2, "finished": 3}
"""What each of the two says."""


@pytest.fixture
def pair(monkeypatch, tmp_path) -> Pair:
    install(monkeypatch)
    made = Pair(tmp_path)
    made.wait_s = 3.0  # who heard a damaged greeting listens on for so long
    return made


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What a whole conversation waits for is not tried out here."""
    monkeypatch.setattr(qkdlab.session.party, "_PATIENCE_S", 10.0)


def played(pair: Pair, tamper: tcp_proxy.Tamper) -> list[object]:
    with Proxy(pair.port, tamper) as proxy:
        return list(pair.both(through=proxy.port))


def assert_stopped(pair: Pair, ended: list[object]) -> None:
    """Check the exit code of both, their instruments, and that no key is left."""
    for outcome in ended:
        assert isinstance(outcome, Outcome | SecurityAbort), repr(outcome)
        assert outcome.exit_code == 3
        if isinstance(outcome, Outcome):
            assert outcome.result["secret_bits"] == 0
            assert outcome.result["key_ids"] == []
    for party in ("alice", "bob"):
        folder = pair.folder / party / party / "keys"
        for stored in KeyStore(folder) if folder.exists() else ():
            assert stored.state is KeyState.BURNED
    assert sum("constructed" in line for line in DIARY) == sum(
        "safe" in line for line in DIARY
    )


@pytest.mark.parametrize("way", [FORTH, BACK])
@pytest.mark.parametrize("message", MESSAGES)
def test_one_changed_byte_stops_both(pair, way, message):
    at = {"greeting": 20, "met": -3, "hello": -3, "finished": -8}[message]
    tamper = tcp_proxy.flip(way, MESSAGES[message], at)
    assert_stopped(pair, played(pair, tamper))


@pytest.mark.parametrize("way", [FORTH, BACK])
@pytest.mark.parametrize("change", [tcp_proxy.cut_short, tcp_proxy.repeat])
def test_a_message_that_is_cut_or_repeated_stops_both(pair, way, change):
    assert_stopped(pair, played(pair, change(way, MESSAGES["hello"])))


@pytest.mark.parametrize("change", [tcp_proxy.drop, tcp_proxy.swap])
def test_a_message_that_is_lost_or_late_stops_both_with_the_next(pair, change):
    assert_stopped(pair, played(pair, change(FORTH, MESSAGES["hello"])))


def test_a_message_that_is_lost_and_missed_by_both_loses_the_peer(pair, monkeypatch):
    monkeypatch.setattr(qkdlab.session.party, "_PATIENCE_S", 2.0)
    for error in played(pair, tcp_proxy.drop(BACK, MESSAGES["hello"])):
        assert isinstance(error, PeerLost)


def test_a_line_that_is_cut_loses_the_peer_of_both(pair):
    with Proxy(pair.port) as proxy:

        def cut(way: str, number: int, message: bytes) -> list[bytes]:
            if number == MESSAGES["hello"]:
                proxy.cut()
            return [message]

        proxy.tamper = cut
        for error in pair.both(through=proxy.port):
            assert isinstance(error, PeerLost)
            assert error.exit_code == 6


def test_a_line_on_which_nothing_moves_loses_the_peer_of_both(pair):
    with Proxy(pair.port) as proxy:

        def stall(way: str, number: int, message: bytes) -> list[bytes]:
            if number == MESSAGES["hello"]:
                proxy.stalled.set()
            return [message]

        proxy.tamper = stall
        for error in pair.both(through=proxy.port):
            assert isinstance(error, PeerLost)
    assert {"alice_awg safe", "bob_meter safe"} <= set(DIARY)
