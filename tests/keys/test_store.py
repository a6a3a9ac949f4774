"""Keys go one way, stay private, and leave only when they may."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from qkdlab.bits.array import BitArray
from qkdlab.errors import UsageError, VerifyError
from qkdlab.keys.store import KeyState, KeyStore

BITS = BitArray.from_bytes(bytes(range(32)), 250)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


def confirmed(store: KeyStore, key_class: str, claimable: int = 0) -> None:
    store.put("k-1", BITS, key_class, claimable=claimable)
    store.advance("k-1", KeyState.CONFIRMED)


def test_a_block_comes_back_as_it_was_put(store: KeyStore) -> None:
    store.put("k-1", BITS, "lab")
    key = store.get("k-1")
    assert key.bits == BITS
    assert key.state is KeyState.PENDING


def test_the_store_survives_reopening(store: KeyStore) -> None:
    confirmed(store, "lab")
    assert [k.state for k in KeyStore(store.folder)] == [KeyState.CONFIRMED]


@pytest.mark.parametrize("key_class", ["lab", "demonstration"])
def test_only_class_secure_is_exported(store: KeyStore, key_class: str) -> None:
    confirmed(store, key_class)
    with pytest.raises(UsageError, match=f"of class {key_class}"):
        store.export("k-1")


def test_a_secure_block_is_exported_once(store: KeyStore) -> None:
    confirmed(store, "secure", claimable=200)
    assert store.export("k-1") == BITS[:200]
    with pytest.raises(UsageError, match="delivered"):
        store.export("k-1")


def test_delivered_bits_are_gone_from_the_disk(store: KeyStore) -> None:
    confirmed(store, "secure", claimable=200)
    store.export("k-1")
    assert json.loads((store.folder / "k-1.key").read_text())["bits"] == ""


def test_a_burned_key_is_overwritten_where_it_stood(
    store: KeyStore, tmp_path: Path
) -> None:
    confirmed(store, "lab")
    old = tmp_path / "another name of the file"
    old.hardlink_to(store.folder / "k-1.key")
    store.advance("k-1", KeyState.BURNED)
    assert set(old.read_bytes()) == {0}
    assert store.get("k-1").state is KeyState.BURNED


def test_a_pending_block_is_not_exported(store: KeyStore) -> None:
    store.put("k-1", BITS, "secure", claimable=10)
    with pytest.raises(UsageError, match="pending"):
        store.export("k-1")


def test_nothing_claimable_is_not_exported(store: KeyStore) -> None:
    confirmed(store, "secure")
    with pytest.raises(UsageError, match="claims no secret bits"):
        store.export("k-1")


@pytest.mark.parametrize("key_class", ["re-analysis", "imported", ""])
def test_other_classes_are_never_stored(store: KeyStore, key_class: str) -> None:
    with pytest.raises(UsageError, match="never stored"):
        store.put("k-1", BITS, key_class)


@pytest.mark.parametrize("claimable", [-1, 251])
def test_nobody_claims_more_bits_than_there_are(
    store: KeyStore, claimable: int
) -> None:
    with pytest.raises(UsageError, match="more bits"):
        store.put("k-1", BITS, "secure", claimable=claimable)


def test_a_demonstration_cannot_claim(store: KeyStore) -> None:
    with pytest.raises(UsageError, match="claim"):
        store.put("k-1", BITS, "demonstration", claimable=1)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (KeyState.CONFIRMED, KeyState.PENDING),
        (KeyState.BURNED, KeyState.CONFIRMED),
        (KeyState.BURNED, KeyState.PENDING),
    ],
)
def test_states_go_one_way(store: KeyStore, first: KeyState, then: KeyState) -> None:
    store.put("k-1", BITS, "lab")
    store.advance("k-1", first)
    with pytest.raises(UsageError, match="cannot become"):
        store.advance("k-1", then)


@pytest.mark.parametrize("field", ["class", "state", "length", "claimable", "bits"])
def test_an_edited_file_is_refused(store: KeyStore, field: str) -> None:
    confirmed(store, "demonstration")
    path = store.folder / "k-1.key"
    body = json.loads(path.read_text())
    body[field] = {"class": "secure", "state": "pending", "bits": "AAAA"}.get(field, 9)
    path.write_text(json.dumps(body))
    with pytest.raises(VerifyError, match="changed"):
        store.get("k-1")


def test_files_and_folder_are_for_their_owner_only(store: KeyStore) -> None:
    store.put("k-1", BITS, "lab")
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    for path in store.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_repr_shows_bits(store: KeyStore) -> None:
    key = store.put("k-1", BITS, "lab")
    shown = repr(key) + repr(store) + repr(key.bits)
    assert BITS.to_bytes().hex()[:16] not in shown
    assert "250 bits" in shown


@pytest.mark.parametrize("key_id", ["", "../k", "a/b", "k 1", "k.1"])
def test_an_id_is_no_path(store: KeyStore, key_id: str) -> None:
    with pytest.raises(UsageError, match="key id"):
        store.get(key_id)


def test_a_known_id_is_not_overwritten(store: KeyStore) -> None:
    store.put("k-1", BITS, "lab")
    with pytest.raises(UsageError, match="already"):
        store.put("k-1", BITS, "lab")


def test_what_a_cut_write_left_is_wiped_when_the_store_is_opened(tmp_path):
    store = KeyStore(tmp_path / "keys")
    store.put("k-1", BitArray.from_bytes(b"\x5a" * 8, 64), "lab")
    left = store.folder / "k-2.key.new"
    left.write_bytes(b"half a key")
    assert [key.key_id for key in KeyStore(store.folder)] == ["k-1"]
    assert not left.exists()
