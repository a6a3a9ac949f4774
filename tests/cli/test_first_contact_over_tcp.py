"""A first contact of two processes, and a session with what it gave."""

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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("contact"),
    pytest.mark.timeout(300),
]

PEER = {"alice": "bob", "bob": "alice"}
ENOUGH = ("--set", "parameters.blocks=3")
"""Blocks whose keys make a new secret."""


def played(folder: Path, files: dict[str, list[str]]) -> dict[str, tuple[int, dict]]:
    """Play a secure run; return exit code and answer by party."""
    folder.mkdir()
    secure = {"key_class": "secure"}
    with ExitStack() as stack:
        alice = start(folder, "alice", "--listen", "0", *files["alice"], **secure)
        stack.enter_context(alice)
        stack.callback(alice.kill)
        bob = start(folder, "bob", "--connect", port_of(alice), *files["bob"], **secure)
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
            *ENOUGH, "--identity", str(folder / f"{party}.id"),
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


@pytest.fixture(scope="module")
def second(contact):
    """The next session, which spends the secret and makes another one."""
    folder, _ = contact
    files = {
        party: [
            *ENOUGH,
            "--secret",
            str(folder / f"{party}.pads"),
            "--new-secret",
            str(folder / f"{party}.next"),
        ]
        for party in PEER
    }
    return folder, played(folder / "second", files)


def test_the_next_session_is_authenticated_with_the_key(second):
    folder, said = second
    for party, (code, result) in said.items():
        assert code == 0, result
        assert result["auth_bits_spent"] > 0
        assert "key of an earlier run" in authentication(result)
        with PadPool.open(folder / f"{party}.pads", party) as pool:
            assert pool.n_pads > pool.remaining("alice-to-bob") > 0


def test_its_own_key_becomes_the_secret_after_it(second):
    folder, said = second
    codes = set()
    for party, (_, result) in said.items():
        assert result["secret_bits"] > 0
        stored = list(KeyStore(folder / "second" / party / party / "keys"))
        assert {key.state for key in stored} == {KeyState.DELIVERED}
        with PadPool.open(folder / f"{party}.next", party) as pool:
            assert pool.remaining("alice-to-bob") == pool.n_pads > 0
            codes.add(pool.greeting_code(b"the same"))
        with PadPool.open(folder / f"{party}.pads", party) as pool:
            assert pool.greeting_code(b"the same") not in codes
    assert len(codes) == 1
