"""A run of two programs on fake instruments: files, result, aborts, errors."""

import json
import os
import signal
import stat

import pytest
from fake_run import KeyParty, alice, bob, configuration, started
from station_fakes import DIARY, block, instrument

from qkdlab.bits.array import BitArray
from qkdlab.config.models import StationConfig
from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentTimeout,
    ResourceError,
    SecurityAbort,
)
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.effects import KeyBlock
from qkdlab.problems import Position, Problem
from qkdlab.runfile.reader import open_run
from qkdlab.session.experiment import PartyResult
from qkdlab.session.signals import Interrupted


def test_it_ends_with_equal_keys_and_the_figures_of_both(world, tmp_path):
    outcome = started(world, tmp_path / "run")
    assert outcome.exit_code == 0
    assert outcome.result["keys_match"] is True
    assert outcome.result["secret_bits"] == 64
    assert outcome.result["clicks"] == 3
    assert outcome.result["sync"] == {"stretch": 1.0}
    assert outcome.result["leaked_bits"] == 5
    assert outcome.result["seed"] == 7
    assert outcome.result["auth_bits_spent"] > 0
    assert outcome.result["aborted"] is None


def test_the_result_is_on_disk(world, tmp_path):
    outcome = started(world, tmp_path / "run")
    on_disk = json.loads((tmp_path / "run" / "result.json").read_text())
    assert on_disk == outcome.result


def test_each_party_has_a_finished_run_file(world, tmp_path):
    outcome = started(world, tmp_path / "run")
    for party, path in outcome.result["run_files"].items():
        with open_run(path) as file:
            assert file.complete
            assert file.meta["party"] == party
            assert [source for _, source, _ in file.messages()] == [
                "alice-to-bob",
                "bob-to-alice",
            ]
    with open_run(outcome.result["run_files"]["bob"]) as file:
        assert file.n_tags == 3


def test_keys_are_stored_confirmed_under_one_id(world, tmp_path):
    started(world, tmp_path / "run")
    for party in ("alice", "bob"):
        (stored,) = KeyStore(tmp_path / "run" / party / "keys")
        assert stored.key_id == "k-1"
        assert stored.state is KeyState.CONFIRMED


def test_keys_of_class_lab_are_burned(world, tmp_path):
    started(world, tmp_path / "run", configuration(key_class="lab"))
    (stored,) = KeyStore(tmp_path / "run" / "alice" / "keys")
    assert stored.state is KeyState.BURNED


def test_what_is_private_is_readable_by_its_owner_alone(world, tmp_path):
    started(world, tmp_path / "run")
    private = tmp_path / "run" / "alice"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for path in (p for p in private.rglob("*") if p.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_nothing_on_disk_but_pool_journal_and_store_holds_the_key(world, tmp_path):
    started(world, tmp_path / "run")
    for path in (tmp_path / "run").glob("*.*"):
        assert b"\x5a" * 8 not in path.read_bytes()


def test_instruments_are_safe_and_closed_afterwards(world, tmp_path):
    started(world, tmp_path / "run")
    assert DIARY[-4:] == [
        "alice_awg safe",
        "alice_awg closed",
        "bob_meter safe",
        "bob_meter closed",
    ]


def test_a_station_that_nobody_plays_opens_after_all_others_and_is_made_safe_last(
    world, tmp_path
):
    outcome = started(world, tmp_path / "run", configuration(facility=True))
    assert outcome.exit_code == 0
    opened = [line for line in DIARY if line.endswith("constructed")]
    assert opened[-1] == "channel_attenuator constructed"
    assert DIARY[-2:] == ["channel_attenuator safe", "channel_attenuator closed"]


def test_all_light_is_off_before_a_station_that_nobody_plays_opens_its_path(
    world, tmp_path
):
    config = configuration(facility=True)
    shutter = {"shutter": instrument("attenuator")}
    alice = config.parties["alice"].instruments | shutter
    parties = config.parties | {"alice": StationConfig(instruments=alice)}
    started(world, tmp_path / "run", config.model_copy(update={"parties": parties}))
    opening = DIARY.index("channel_attenuator constructed")
    assert "alice_shutter safe" in DIARY[:opening]
    assert "alice_awg safe" not in DIARY[:opening]


def test_a_station_that_nobody_plays_is_on_record_with_every_party(world, tmp_path):
    outcome = started(world, tmp_path / "run", configuration(facility=True))
    for path in outcome.result["run_files"].values():
        with open_run(path) as file:
            assert "channel.attenuator" in file.snapshots()
            lines = {line for _, line, _ in file.io()}
            assert "channel.attenuator.control>" in lines


def test_different_keys_are_found_out(world, tmp_path, monkeypatch):
    other = KeyBlock("k-1", 0, BitArray.from_bytes(b"\x5b" * 8, 64), "demonstration")

    def bad_bob(ctx):
        ctx.conversation.receive("hello")
        ctx.conversation.send("welcome")
        return PartyResult(ctx.conversation.drive(KeyParty(other)))

    world.programs["bob"] = bad_bob
    outcome = started(world, tmp_path / "run")
    assert outcome.exit_code == 4
    assert outcome.result["keys_match"] is False
    assert outcome.result["secret_bits"] == 0


def test_an_abort_is_an_outcome_with_all_that_is_known(world, tmp_path):
    def aborting_bob(ctx):
        ctx.recorder.tags(block([1, 2], 0, 10))
        raise SecurityAbort(AbortCode.SYNC_LOST, "no header found", {"score": 0.1})

    world.programs["bob"] = aborting_bob
    outcome = started(world, tmp_path / "run")
    assert outcome.exit_code == 3
    assert outcome.result["aborted"]["code"] == "sync-lost"
    assert outcome.result["aborted"]["numbers"] == {"score": 0.1}
    assert outcome.result["clicks"] == 2
    assert outcome.result["keys_match"] is None
    with open_run(outcome.result["run_files"]["bob"]) as file:
        assert file.complete
        assert file.results()["run"]["aborted"]["code"] == "sync-lost"


def test_an_instrument_that_fails_ends_the_run_but_loses_no_record(world, tmp_path):
    def failing_bob(ctx):
        ctx.recorder.tags(block([1, 2], 0, 10))
        raise InstrumentTimeout("bob_meter", "no answer")

    world.programs["bob"] = failing_bob
    with pytest.raises(InstrumentTimeout):
        started(world, tmp_path / "run")
    assert "alice_awg safe" in DIARY
    with open_run(tmp_path / "run" / "bob.h5") as file:
        assert file.n_tags == 2
        assert file.results()["error"] == "InstrumentTimeout: bob_meter: no answer"


def test_an_instrument_that_stays_silent_at_the_opening_is_named(world, tmp_path):
    with pytest.raises(InstrumentTimeout, match="alice_awg"):
        started(world, tmp_path / "run", configuration(fail="identify"))
    assert "bob_meter safe" in DIARY


def test_a_signal_ends_the_run_safely(world, tmp_path):
    def endless_alice(ctx):
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            ctx.clock.sleep_until(ctx.clock.now_ps() + 1)

    world.programs["alice"] = endless_alice
    with pytest.raises(Interrupted) as caught:
        started(world, tmp_path / "run")
    assert caught.value.exit_code == 143
    assert "alice_awg safe" in DIARY
    with open_run(tmp_path / "run" / "alice.h5") as file:
        assert file.complete


def test_a_folder_that_holds_something_is_never_written_over(world, tmp_path):
    (tmp_path / "old.txt").write_text("precious")
    with pytest.raises(ResourceError, match="--output"):
        started(world, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["old.txt"]


def test_a_bench_that_breaks_a_rule_is_refused_before_anything_is_opened(
    world, tmp_path
):
    place = Position("bb84.yaml", 3, 4)
    world.problems = [
        Problem(place, ("wiring",), "only a warning", "warning"),
        Problem(place, ("wiring", "cables", 3), "30 V into a 2 V input"),
    ]
    with pytest.raises(ConfigError, match="30 V") as caught:
        started(world, tmp_path / "run")
    assert len(caught.value.problems) == 1
    assert DIARY == []
    assert not (tmp_path / "run").exists()


def test_a_configuration_of_other_parties_is_refused(world, tmp_path):
    world.programs = {"alice": alice, "charlie": bob}
    with pytest.raises(ConfigError, match="alice and bob"):
        started(world, tmp_path / "run")
