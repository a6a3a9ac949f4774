"""Two parties that meet over TCP, each with a bench, a folder and files of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from session.two_parties import DEADLINE_S, Pair, configuration, install, program
from station_fakes import DIARY
from tcp_proxy import BACK, FORTH, Proxy

from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentTimeout,
    PeerLost,
    PeerVersionError,
    SecurityAbort,
    UsageError,
)
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.direction import Direction
from qkdlab.link.greeting import Greeting
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.runfile.reader import open_run
from qkdlab.session.experiment import PartyResult
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
        PadPool.create(paths[party], bytes(range(256)) * 20).close()
    return paths


def run_with(pair: Pair, paths: dict[str, Path]):
    threads = [pair.play(p, secret=path) for p, path in paths.items()]
    for thread in threads:
        thread.join(DEADLINE_S)
    return pair.ended["alice"], pair.ended["bob"]


def test_a_second_run_goes_on_with_fresh_pads(programs, tmp_path):
    paths = secrets(tmp_path)
    spent = []
    for name in ("first", "second"):
        for outcome in run_with(Pair(tmp_path / name), paths):
            assert outcome.exit_code == 0
        with PadPool.open(paths["alice"]) as pool:
            spent.append([pool.spent(d) for d in pool._next])
    assert all(two == 2 * one > 0 for one, two in zip(*spent, strict=True))


def test_whoever_has_another_secret_touches_no_instrument(programs, tmp_path):
    paths = secrets(tmp_path)
    paths["bob"].unlink()
    PadPool.create(paths["bob"], bytes(range(1, 256)) * 20 + bytes(20)).close()
    for outcome in run_with(Pair(tmp_path / "run"), paths):
        assert outcome.exit_code == 3
    assert DIARY == []


def test_no_pad_is_used_twice_though_greetings_hide_that_a_file_was_put_back(
    programs, tmp_path
):
    paths = secrets(tmp_path)
    before = paths["alice"].read_bytes()
    run_with(Pair(tmp_path / "first"), paths)
    paths["alice"].write_bytes(before)
    with PadPool.open(paths["bob"]) as pool:
        spent = {d.value: pool.spent(d) for d in Direction}
    counts = {BACK: spent, FORTH: dict.fromkeys(spent, 0)}

    def hide(way: str, number: int, message: bytes) -> list[bytes]:
        if number:
            return [message]
        return [replace(Greeting.decode(message), pads=counts[way]).encode()]

    pair = Pair(tmp_path / "second")
    with Proxy(pair.port, hide) as proxy:
        alice = pair.play("alice", secret=paths["alice"])
        pair.play("bob", secret=paths["bob"], port=proxy.port).join(DEADLINE_S)
        alice.join(DEADLINE_S)
    assert [outcome.exit_code for outcome in pair.ended.values()] == [3, 3]
    with PadPool.open(paths["alice"]) as pool:
        assert pool.spent(Direction.ALICE_TO_BOB) == 0


def test_a_secret_that_was_put_back_is_refused(programs, tmp_path):
    paths = secrets(tmp_path)
    before = paths["alice"].read_bytes()
    run_with(Pair(tmp_path / "first"), paths)
    paths["alice"].write_bytes(before)
    for error in run_with(Pair(tmp_path / "second"), paths):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION


def test_different_secrets_end_both_with_the_same_exit_code(programs, tmp_path):
    paths = secrets(tmp_path)
    paths["bob"].unlink()
    PadPool.create(paths["bob"], bytes(pool_bytes(100))).close()
    for outcome in run_with(Pair(tmp_path / "run"), paths):
        assert outcome.exit_code == 3
        assert outcome.result["secret_bits"] == 0


def test_pads_stay_in_the_file_that_was_given(programs, tmp_path):
    paths = secrets(tmp_path)
    run_with(Pair(tmp_path / "run"), paths)
    assert not list((tmp_path / "run").rglob("pads.bin"))
