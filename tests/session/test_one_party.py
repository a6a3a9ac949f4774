"""Two parties that meet over TCP, each with a bench, a folder and files of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tcp_proxy
from session.two_parties import DEADLINE_S, Pair, configuration, install, program
from station_fakes import DIARY
from tcp_proxy import BACK, FORTH, Proxy

import qkdlab.session.one
from qkdlab.clock import RealClock
from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentTimeout,
    PeerLost,
    PeerVersionError,
    SecurityAbort,
    UsageError,
    VerifyError,
)
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.direction import Direction
from qkdlab.link.handshake import greet
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.tcp_open import PeerAddress, connect
from qkdlab.runfile.reader import open_run
from qkdlab.session.experiment import PartyResult
from qkdlab.session.meeting import Guest
from qkdlab.session.signals import Interrupted


@pytest.fixture
def programs(monkeypatch):
    """The programs that are played; tests may change them."""
    return install(monkeypatch)


@pytest.fixture
def pair(programs, tmp_path) -> Pair:
    return Pair(tmp_path)


def test_both_end_with_the_same_key_ids_and_results_of_their_own(pair):
    outcomes = pair.both()
    for party, outcome in zip(("alice", "bob"), outcomes, strict=True):
        assert outcome.exit_code == 0
        assert outcome.result["key_ids"] == ["k-1"]
        assert outcome.result["keys_match"] is None
        assert outcome.result["secret_bits"] == 64
        assert list(outcome.result["run_files"]) == [party]
        on_disk = json.loads((pair.folder / party / "result.json").read_text())
        assert on_disk == outcome.result


def test_each_opens_its_own_station_only_and_leaves_it_safe(pair):
    pair.both()
    assert not any(line.startswith("channel") for line in DIARY)
    assert {"alice_awg safe", "bob_meter safe"} <= set(DIARY)
    assert pair.benches["alice"].closed == 1
    assert {key[0] for key in pair.benches["alice"].lines} == {"alice"}


def test_both_files_carry_the_same_session(pair):
    ids = []
    for outcome in pair.both():
        (path,) = outcome.result["run_files"].values()
        with open_run(path) as file:
            assert file.complete
            ids.append(file.meta["run_id"])
    assert ids[0] == ids[1]


def test_without_a_secret_authentication_is_called_violated(pair, programs):
    def claiming(ctx):
        result = program(ctx)
        assumption = {"name": "authentication", "status": "assumed", "note": ""}
        return PartyResult({**result.figures, "assumptions": [assumption]})

    programs["alice"] = claiming
    alice, _ = pair.both()
    (assumption,) = alice.result["assumptions"]
    assert assumption["status"] == "violated"


def test_other_configurations_end_both_with_the_same_code(pair):
    for error in pair.both(bob=configuration(gate_ps=2000)):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION
        assert error.exit_code == 3
    assert DIARY == []


def test_other_versions_end_both(pair, monkeypatch):
    from qkdlab.link import greeting

    versions = iter(("0.1", "0.2"))
    of = greeting.Greeting.of.__func__

    def versioned(cls, *arguments):
        made = of(cls, *arguments)
        object.__setattr__(made, "software", next(versions))
        return made

    monkeypatch.setattr(greeting.Greeting, "of", classmethod(versioned))
    for error in pair.both():
        assert isinstance(error, PeerVersionError)
    assert DIARY == []


def test_two_alices_are_refused(pair):
    threads = [
        pair.play("alice"),
        pair.play("bob", party="alice", listens=False),
    ]
    for thread in threads:
        thread.join(DEADLINE_S)
    for error in pair.ended.values():
        assert isinstance(error, UsageError)
        assert "both ends play alice" in str(error)


def test_an_abort_of_one_ends_the_other_with_its_code(pair, programs):
    def aborting(ctx):
        ctx.conversation.receive("hello")
        raise SecurityAbort(AbortCode.SYNC_LOST, "no header found")

    programs["bob"] = aborting
    alice, bob = pair.both()
    assert bob.result["aborted"]["code"] == "sync-lost"
    assert alice.result["aborted"]["code"] == "peer-aborted"
    assert alice.result["aborted"]["numbers"] == {"peer_code": "sync-lost"}
    assert alice.exit_code == bob.exit_code == 3


def test_an_instrument_that_fails_at_one_is_a_lost_peer_to_the_other(pair, programs):
    def failing(ctx):
        ctx.conversation.receive("hello")
        raise InstrumentTimeout("bob_meter", "no answer")

    programs["bob"] = failing
    alice, bob = pair.both()
    assert isinstance(bob, InstrumentTimeout)
    assert isinstance(alice, PeerLost)
    assert "failed" in str(alice)
    assert {"alice_awg safe", "bob_meter safe"} <= set(DIARY)
    with open_run(pair.folder / "alice" / "alice.h5") as file:
        assert file.complete


def test_a_signal_at_one_is_told_to_the_other(pair, programs):
    def stopped(ctx):
        ctx.conversation.receive("hello")
        raise Interrupted(2)

    programs["bob"] = stopped
    alice, bob = pair.both()
    assert isinstance(bob, Interrupted)
    assert isinstance(alice, PeerLost)
    assert "was stopped" in str(alice)


def test_ledgers_that_differ_burn_the_keys_of_both(pair, programs):
    def different(ctx):
        result = program(ctx)
        ctx.conversation.figures["leaked_bits"] = 6
        return result

    programs["bob"] = different
    for party, outcome in zip(("alice", "bob"), pair.both(), strict=True):
        assert outcome.exit_code == 3
        assert outcome.result["secret_bits"] == 0
        (stored,) = KeyStore(pair.folder / party / party / "keys")
        assert stored.state is KeyState.BURNED


def test_a_secure_run_without_a_secret_is_refused_before_anybody_is_met(pair):
    thread = pair.play("alice", configuration("secure"))
    thread.join(DEADLINE_S)
    assert isinstance(pair.ended["alice"], UsageError)
    assert not (pair.folder / "alice").exists()


def test_a_secure_run_with_a_seed_is_refused(pair):
    pair.play("alice", configuration("secure", seed=7)).join(DEADLINE_S)
    assert isinstance(pair.ended["alice"], ConfigError)


def secrets(folder: Path) -> dict[str, Path]:
    paths = {}
    for party in ("alice", "bob"):
        paths[party] = folder / f"{party}.pads"
        PadPool.create(paths[party], bytes(range(256)) * 20, party).close()
    return paths


def run_with(pair: Pair, paths: dict[str, Path]):
    threads = [pair.play(p, secret=path) for p, path in paths.items()]
    for thread in threads:
        thread.join(DEADLINE_S)
    return pair.ended["alice"], pair.ended["bob"]


def test_a_second_run_goes_on_with_fresh_pads(programs, tmp_path):
    paths = secrets(tmp_path)
    counts = []
    for name in ("first", "second"):
        for outcome in run_with(Pair(tmp_path / name), paths):
            assert outcome.exit_code == 0
        counts.append(spent(paths["alice"], "alice").values())
    assert all(two == 2 * one > 0 for one, two in zip(*counts, strict=True))


def mark(path: Path) -> Path:
    return path.with_name(path.name + ".used")


def put_back(path: Path, before: tuple[bytes, bytes]) -> None:
    """Put back a secret and its mark, so that the party itself notices nothing."""
    path.write_bytes(before[0])
    mark(path).write_bytes(before[1])


def copied(path: Path) -> tuple[bytes, bytes]:
    return path.read_bytes(), mark(path).read_bytes()


def spent(path: Path, party: str) -> dict[Direction, int]:
    with PadPool.open(path, party) as pool:
        return {d: pool.spent(d) for d in Direction}


def test_whoever_has_another_secret_touches_no_instrument(programs, tmp_path):
    paths = secrets(tmp_path)
    for path in (paths["bob"], mark(paths["bob"])):
        path.unlink()
    PadPool.create(paths["bob"], bytes(pool_bytes(100)), "bob").close()
    pair = Pair(tmp_path / "run")
    pair.wait_s = 2.0
    for error in run_with(pair, paths):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.AUTHENTICATION_FAILED
    assert DIARY == []
    for party, path in paths.items():
        assert set(spent(path, party).values()) == {0}


def test_a_secret_that_was_put_back_is_refused_before_anybody_is_met(
    programs, tmp_path
):
    paths = secrets(tmp_path)
    before = paths["alice"].read_bytes()
    run_with(Pair(tmp_path / "first"), paths)
    paths["alice"].write_bytes(before)
    pair = Pair(tmp_path / "second")
    pair.play("alice", secret=paths["alice"]).join(DEADLINE_S)
    assert isinstance(pair.ended["alice"], VerifyError)
    assert "older copy was put back" in str(pair.ended["alice"])


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_secret_that_was_put_back_with_its_mark_is_refused_by_both(
    programs, tmp_path, party
):
    paths = secrets(tmp_path)
    before = copied(paths[party])
    run_with(Pair(tmp_path / "first"), paths)
    put_back(paths[party], before)
    where = {p: spent(path, p) for p, path in paths.items()}
    for error in run_with(Pair(tmp_path / "second"), paths):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION
    assert where == {p: spent(path, p) for p, path in paths.items()}


def test_secrets_that_were_both_put_back_are_refused_by_each(programs, tmp_path):
    paths = secrets(tmp_path)
    before = {p: path.read_bytes() for p, path in paths.items()}
    run_with(Pair(tmp_path / "first"), paths)
    for party, path in paths.items():
        path.write_bytes(before[party])
    pair = Pair(tmp_path / "second")
    for party, path in paths.items():
        pair.play(party, secret=path).join(DEADLINE_S)
        assert isinstance(pair.ended[party], VerifyError)


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_no_pad_is_used_twice_though_an_old_greeting_hides_that_a_file_was_put_back(
    programs, tmp_path, party
):
    """Somebody on the line says the other party's first greeting again."""
    paths = secrets(tmp_path)
    before = copied(paths[party])
    way = FORTH if party == "alice" else BACK
    pair = Pair(tmp_path / "first")
    with Proxy(pair.port) as proxy:
        alice = pair.play("alice", secret=paths["alice"])
        pair.play("bob", secret=paths["bob"], port=proxy.port).join(DEADLINE_S)
        alice.join(DEADLINE_S)
        old = next(message for seen, message in proxy.seen if seen == way)
    put_back(paths[party], before)

    def hide(seen_way: str, number: int, message: bytes) -> list[bytes]:
        return [old] if (seen_way, number) == (way, 0) else [message]

    pair = Pair(tmp_path / "second")
    pair.wait_s = 2.0
    with Proxy(pair.port, hide) as proxy:
        alice = pair.play("alice", secret=paths["alice"])
        pair.play("bob", secret=paths["bob"], port=proxy.port).join(DEADLINE_S)
        alice.join(DEADLINE_S)
    assert [error.exit_code for error in pair.ended.values()] == [3, 3]
    assert set(spent(paths[party], party).values()) == {0}


def test_pads_that_were_spent_in_vain_do_not_hinder(programs, tmp_path):
    paths = secrets(tmp_path)
    with PadPool.open(paths["bob"], "bob") as pool:
        for _ in range(100):
            pool.take(Direction.BOB_TO_ALICE)
    for outcome in run_with(Pair(tmp_path / "run"), paths):
        assert outcome.exit_code == 0
    assert spent(paths["alice"], "alice") == spent(paths["bob"], "bob")


def test_whoever_greets_and_then_says_nothing_is_left_in_time(
    programs, tmp_path, monkeypatch
):
    monkeypatch.setattr(qkdlab.session.one, "GREETING_S", 0.5)
    pair = Pair(tmp_path)
    alice = pair.play("alice")
    address = PeerAddress("127.0.0.1", pair.port)
    bob = connect(address, RealClock(), wait_s=DEADLINE_S)
    greet(bob, Guest("bob", "alice", "fake", configuration().hash, None).handshake(), 9)
    alice.join(DEADLINE_S)
    bob.close()
    assert isinstance(pair.ended["alice"], PeerLost)
    assert "said nothing for 0.5 s; expected 'met'" in str(pair.ended["alice"])
    assert DIARY == []


def test_a_stranger_who_comes_first_does_not_end_the_run(programs, tmp_path):
    paths = secrets(tmp_path)
    pair = Pair(tmp_path / "run")
    alice = pair.play("alice", secret=paths["alice"])
    stranger = tcp_proxy.connected(pair.port)
    with stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        pair.play("bob", secret=paths["bob"]).join(DEADLINE_S)
        alice.join(DEADLINE_S)
    assert [outcome.exit_code for outcome in pair.ended.values()] == [0, 0]


def test_pads_stay_in_the_file_that_was_given(programs, tmp_path):
    paths = secrets(tmp_path)
    run_with(Pair(tmp_path / "run"), paths)
    assert not list((tmp_path / "run").rglob("pads.bin"))
