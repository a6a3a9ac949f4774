"""`alice`, `bob` and `secret`: what they refuse before anybody is met."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from qkdlab.cli.main import main
from qkdlab.link.direction import Direction
from qkdlab.link.pool import PadPool


def refused(capsys, *arguments: str, code: int = 1) -> str:
    assert main(list(arguments)) == code
    return capsys.readouterr().err


@pytest.mark.parametrize("party", ["alice", "bob"])
@pytest.mark.parametrize("ways", [[], ["--listen", "7001", "--connect", "7001"]])
def test_one_of_the_two_ways_to_meet_is_wanted(capsys, party, ways):
    told = refused(capsys, party, "bb84_tiny", *ways)
    assert "--listen HOST:PORT" in told
    assert "--connect HOST:PORT" in told


def test_an_address_that_is_none_is_told(capsys):
    assert "'here'" in refused(capsys, "bob", "bb84_tiny", "--connect", "here")


@pytest.mark.parametrize("option", ["--wait", "--patience"])
def test_times_are_positive(capsys, option):
    told = refused(capsys, "bob", "bb84_tiny", "--connect", "7001", option, "0")
    assert "more than 0" in told


def test_a_simulated_bench_must_be_served(capsys):
    told = refused(capsys, "bob", "bb84_tiny", "--connect", "7001")
    assert "qkdlab sim bb84_tiny" in told
    assert "--attach" in told


def test_addresses_that_are_not_there_are_told(capsys, tmp_path):
    missing = str(tmp_path / "a.json")
    arguments = ("bob", "bb84_tiny", "--connect", "7001", "--attach", missing)
    assert missing in refused(capsys, *arguments, code=5)


@pytest.fixture
def served(tmp_path) -> str:
    path = tmp_path / "a.json"
    path.write_text('{"instruments": []}')
    return str(path)


def test_without_a_secret_one_is_warned(capsys, tmp_path, served):
    arguments = ("--connect", "7001", "--attach", served, "--wait", "0.01")
    folder = str(tmp_path / "out")
    told = refused(capsys, "bob", "bb84_tiny", *arguments, "--output", folder, code=6)
    assert "no --secret" in told


@pytest.fixture
def secret(tmp_path) -> dict[str, str]:
    """Make a secret; return the two files."""
    paths = {party: str(tmp_path / f"{party}.secret") for party in ("alice", "bob")}
    assert main(["secret", *paths.values(), "--pads", "10"]) == 0
    return paths


def test_a_secret_that_others_can_read_is_refused(capsys, secret, served):
    Path(secret["bob"]).chmod(0o644)
    arguments = ("--connect", "7001", "--attach", served, "--secret", secret["bob"])
    told = refused(capsys, "bob", "bb84_tiny", *arguments, code=5)
    assert "chmod 600" in told


def test_the_secret_of_the_other_party_is_refused(capsys, secret, served):
    arguments = ("--connect", "7001", "--attach", served, "--secret", secret["alice"])
    told = refused(capsys, "bob", "bb84_tiny", *arguments, code=1)
    assert "the secret of alice" in told


def test_an_older_copy_of_a_secret_is_refused(capsys, secret, served):
    before = Path(secret["bob"]).read_bytes()
    with PadPool.open(Path(secret["bob"]), "bob") as pool:
        pool.take(Direction.BOB_TO_ALICE)
    Path(secret["bob"]).write_bytes(before)
    arguments = ("--connect", "7001", "--attach", served, "--secret", secret["bob"])
    told = refused(capsys, "bob", "bb84_tiny", *arguments, code=4)
    assert "older copy was put back" in told


def test_a_file_that_is_no_secret_is_refused(capsys, tmp_path, served):
    secret = tmp_path / "pads"
    secret.write_bytes(b"password")
    secret.chmod(0o600)
    arguments = ("--connect", "7001", "--attach", served, "--secret", str(secret))
    assert "no pad pool" in refused(capsys, "bob", "bb84_tiny", *arguments, code=4)


def test_a_secret_has_the_pads_that_were_asked_for_and_is_its_owners(secret):
    for party, path in secret.items():
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        with PadPool.open(Path(path), party) as pool:
            assert {pool.remaining(d) for d in Direction} == {10}


def test_both_files_of_a_secret_hold_the_same_pads(secret):
    with (
        PadPool.open(Path(secret["alice"]), "alice") as sender,
        PadPool.open(Path(secret["bob"]), "bob") as receiver,
    ):
        index, pad = sender.take(Direction.ALICE_TO_BOB)
        assert receiver.take_at(Direction.ALICE_TO_BOB, index) == pad


def test_with_json_a_secret_tells_where_it_is_and_nothing_that_is_in_it(
    capsys, tmp_path
):
    paths = {party: str(tmp_path / party) for party in ("alice", "bob")}
    assert main(["secret", *paths.values(), "--pads", "10", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"files": paths, "pads": 10}


def test_no_two_secrets_are_equal_and_none_is_written_over(capsys, secret, tmp_path):
    others = [str(tmp_path / "third"), str(tmp_path / "fourth")]
    assert main(["secret", *others, "--pads", "10"]) == 0
    before = Path(secret["alice"]).read_bytes()
    assert before[4096:] != Path(others[0]).read_bytes()[4096:]
    refused(capsys, "secret", *secret.values(), code=5)
    assert Path(secret["alice"]).read_bytes() == before


def test_half_a_secret_is_not_left(capsys, secret, tmp_path):
    fresh = tmp_path / "fresh"
    refused(capsys, "secret", str(fresh), secret["bob"], code=5)
    assert not list(tmp_path.glob("fresh*"))
