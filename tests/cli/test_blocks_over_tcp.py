"""Several key blocks between two real processes over TCP, on the bench of dice."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from quick_parties import DEADLINE_S, port_of, start

from qkdlab.bits.array import BitArray
from qkdlab.keys.store import KeyStore
from qkdlab.runfile.reader import open_run

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.timeout(300)]

PARTIES = ("alice", "bob")


@dataclass
class Done:
    """Two processes that have ended: what each printed, and where their files are."""

    folder: Path
    exit_codes: dict[str, int]
    results: dict[str, dict[str, Any]]

    def keys(self, party: str) -> dict[str, BitArray]:
        stored = KeyStore(self.folder / party / party / "keys")
        return {key.key_id: key.bits for key in stored}

    def codes(self, party: str) -> list[str | None]:
        blocks = self.results[party]["blocks"]
        return [(block["aborted"] or {}).get("code") for block in blocks]

    def told(self, name: str) -> tuple[Any, Any]:
        alice, bob = (self.results[party][name] for party in PARTIES)
        return alice, bob


def played(folder: Path, *changes: str) -> Done:
    """Let both parties play to the end; return how they ended."""
    more = [word for change in changes for word in ("--set", change)]
    with ExitStack() as stack:
        alice = start(folder, "alice", "--listen", "0", *more)
        stack.enter_context(alice)
        stack.callback(alice.kill)
        bob = start(folder, "bob", "--connect", port_of(alice), *more)
        stack.enter_context(bob)
        stack.callback(bob.kill)
        processes = {"alice": alice, "bob": bob}
        said = {p: processes[p].communicate(timeout=DEADLINE_S) for p in PARTIES}
    assert all("Traceback" not in err for _, err in said.values()), said
    codes = {party: processes[party].returncode for party in PARTIES}
    return Done(folder, codes, {p: json.loads(out) for p, (out, _) in said.items()})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Four blocks, with errors in the third alone."""
    return played(
        tmp_path_factory.mktemp("blocks"),
        "parameters.blocks=4",
        "parameters.error=0.2",
        "parameters.error_in_block=2",
    )


def test_an_aborted_block_ends_alone_and_at_both(done: Done) -> None:
    assert done.exit_codes == {"alice": 0, "bob": 0}
    for party in PARTIES:
        assert done.codes(party) == [None, None, "qber-above-limit", None]


def test_each_other_block_gives_a_key_equal_on_both_sides(done: Done) -> None:
    alice, bob = (done.keys(party) for party in PARTIES)
    assert alice == bob
    assert len(alice) == 3
    assert min(len(bits) for bits in alice.values()) > 0


def test_both_tell_the_same_keys_in_the_order_of_their_blocks(done: Done) -> None:
    for result in done.results.values():
        told = [b["key_id"] for b in result["blocks"] if b["aborted"] is None]
        assert result["key_ids"] == told
        assert set(told) == set(done.keys("alice"))


@pytest.mark.parametrize("name", ["leaked_bits", "leaked_bits_by_direction",
                                  "verification_bits", "secret_bits", "sifted_bits",
                                  "auth_bits_spent"])  # fmt: skip
def test_the_ledger_totals_of_both_are_equal(done: Done, name: str) -> None:
    alice, bob = done.told(name)
    assert alice == bob
    assert alice


def test_the_totals_are_the_sums_over_the_blocks(done: Done) -> None:
    for result in done.results.values():
        for name in ("leaked_bits", "secret_bits"):
            made = [b[name] for b in result["blocks"] if b["aborted"] is None]
            assert result[name] == sum(made)


def test_the_files_of_both_are_whole(done: Done) -> None:
    for party in PARTIES:
        with open_run(done.folder / party / f"{party}.h5") as file:
            assert file.complete
            assert len(file.key_blocks()) == 4
