"""`identity`, a first contact of two processes, and a session with what it gave."""

from __future__ import annotations

import json
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest
from quick_parties import DEADLINE_S, port_of, start

from qkdlab.cli.main import main
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.pool import PadPool

pytestmark = [pytest.mark.xdist_group("contact"), pytest.mark.timeout(300)]

PEER = {"alice": "bob", "bob": "alice"}
BLOCKS = ("--set", "parameters.blocks=3")


def played(folder: Path, files: dict[str, list[str]]) -> dict[str, tuple[int, dict]]:
    """Play a secure run; return exit code and answer by party."""
    folder.mkdir()
    secure = {"key_class": "secure"}
    with ExitStack() as stack:
        alice = start(folder, "alice", "--listen", "0", *BLOCKS, *files["alice"],
                      **secure)  # fmt: skip
        stack.enter_context(alice)
        stack.callback(alice.kill)
        bob = start(folder, "bob", "--connect", port_of(alice), *BLOCKS, *files["bob"],
                    **secure)  # fmt: skip
        stack.enter_context(bob)
        stack.callback(bob.kill)
        said = {}
        for party, process in (("alice", alice), ("bob", bob)):
            out, err = process.communicate(timeout=DEADLINE_S)
            assert "Traceback" not in err
            said[party] = (process.returncode, json.loads(out))
    return said


@pytest.fixture(scope="module")
def contact(tmp_path_factory):
    """A first contact; return its folder, and exit code and answer by party."""
    folder = tmp_path_factory.mktemp("contact")
    files = {}
    for party, peer in PEER.items():
        assert main(["identity", str(folder / f"{party}.id"), "--new", "--json"]) == 0
        files[party] = [
            "--identity", str(folder / f"{party}.id"),
            "--trust", str(folder / f"{peer}.id.pub"),
            "--new-secret", str(folder / f"{party}.pads"),
        ]  # fmt: skip
    return folder, played(folder / "first", files)


def authentication(result: dict) -> str:
    (known,) = (a for a in result["assumptions"] if a["name"] == "authentication")
    return f"{known['status']}: {known['note']}"


def test_a_first_contact_ends_with_key(contact):
    _, said = contact
    for code, result in said.values():
        assert code == 0, result
        assert result["secret_bits"] > 0
    assert said["alice"][1]["key_ids"] == said["bob"][1]["key_ids"]


def test_it_says_that_its_authentication_is_computational(contact):
    for _, result in contact[1].values():
        told = authentication(result)
        assert told.startswith("assumed: computational during the first session")


def test_signatures_cost_no_pad_and_claim_no_bound(contact):
    for _, result in contact[1].values():
        assert result["auth_bits_spent"] == 0
        assert "authentication" not in result["epsilon"]
        assert "total" not in result["epsilon"]


def test_the_key_that_became_a_secret_is_no_key_any_more(contact):
    folder, said = contact
    for party, (_, result) in said.items():
        assert result["net_secret_bits"] == 0
        stored = list(KeyStore(folder / "first" / party / party / "keys"))
        assert {key.state for key in stored} == {KeyState.DELIVERED}


def test_private_files_are_for_their_owner_alone(contact):
    folder, _ = contact
    for name in ("alice.id", "alice.pads", "bob.id", "bob.pads"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_the_next_session_is_authenticated_with_the_key(contact):
    folder, _ = contact
    files = {party: ["--secret", str(folder / f"{party}.pads")] for party in PEER}
    said = played(folder / "second", files)
    for party, (code, result) in said.items():
        assert code == 0, result
        assert result["auth_bits_spent"] > 0
        assert "key of an earlier run" in authentication(result)
        with PadPool.open(folder / f"{party}.pads", party) as pool:
            assert pool.n_pads > pool.remaining("alice-to-bob") > 0


def test_fingerprints_are_the_same_at_both_ends(tmp_path, capsys):
    file = tmp_path / "alice.id"
    for arguments in ([str(file), "--new"], [str(file)], [f"{file}.pub"]):
        assert main(["identity", *arguments, "--json"]) == 0
    told = capsys.readouterr().out
    answers = [json.loads("{" + part) for part in told.split("{")[1:]]
    assert len({answer["fingerprint"] for answer in answers}) == 1
    assert len(answers[0]["fingerprint"]) == 64


def test_people_are_shown_the_fingerprint_in_groups(tmp_path, capsys):
    assert main(["identity", str(tmp_path / "alice.id"), "--new"]) == 0
    told = capsys.readouterr().out
    assert "for the other party" in told
    assert len(told.split("fingerprint")[1].split()) == 16


def test_an_identity_that_is_there_is_kept(tmp_path, capsys):
    assert main(["identity", str(tmp_path / "alice.id"), "--new"]) == 0
    assert main(["identity", str(tmp_path / "alice.id"), "--new"]) == 5
    assert "exists" in capsys.readouterr().err


def test_a_file_that_is_no_identity_is_told(tmp_path, capsys):
    (tmp_path / "x").write_text("x")
    assert main(["identity", str(tmp_path / "x")]) == 4
    assert "holds no public key" in capsys.readouterr().err
