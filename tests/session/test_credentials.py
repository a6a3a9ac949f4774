"""What a party may be given to show who it is, and what becomes of a run's keys."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from session.two_parties import configuration

from qkdlab.bits.array import BitArray
from qkdlab.errors import ResourceError, UsageError
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.link.direction import Direction
from qkdlab.link.effects import KeyBlock
from qkdlab.link.identity import Identity, public_path
from qkdlab.link.pad_file import Origin
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.security.assumptions import Status
from qkdlab.session.credentials import Credentials
from qkdlab.session.party import PartySession
from qkdlab.session.secrets import PeerSecrets

SECURE = configuration(key_class="secure")


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """Both parties' identities and a pre-shared secret of Alice's."""
    paths = {name: tmp_path / name for name in ("alice.id", "bob.id", "alice.pads")}
    for name in ("alice.id", "bob.id"):
        Identity.create(paths[name])
        paths[name + ".pub"] = public_path(paths[name])
    PadPool.create(paths["alice.pads"], bytes(pool_bytes(4)), "alice").close()
    return paths


def opened(credentials: Credentials, config=SECURE):
    with ExitStack() as stack:
        return credentials.open(config, "alice", "bob", stack)


def refused(credentials: Credentials, config=SECURE) -> str:
    with pytest.raises(UsageError) as caught:
        opened(credentials, config)
    return str(caught.value)


def test_an_identity_and_a_trusted_key_make_a_first_contact(files):
    pool, contact = opened(
        Credentials(identity=files["alice.id"], trust=files["bob.id.pub"])
    )
    assert pool is None
    assert set(contact.fingerprints) == {"alice", "bob"}


def test_a_secret_makes_no_first_contact(files):
    pool, contact = opened(Credentials(files["alice.pads"]))
    assert contact is None
    assert repr(pool).startswith("PadPool")


def test_a_secret_and_an_identity_are_refused_together(files):
    told = refused(
        Credentials(files["alice.pads"], files["alice.id"], files["bob.id.pub"])
    )
    assert "no first contact" in told


@pytest.mark.parametrize("given", [{"identity": "alice.id"}, {"trust": "bob.id.pub"}])
def test_half_a_first_contact_is_refused(files, given):
    paths = {name: files[path] for name, path in given.items()}
    assert "wants --identity FILE and --trust" in refused(Credentials(**paths))


def test_a_party_does_not_trust_itself(files):
    own = Credentials(identity=files["alice.id"], trust=files["alice.id.pub"])
    assert "own public key" in refused(own)


def test_a_secure_run_without_either_is_refused():
    assert "--secret FILE" in refused(Credentials())


def test_keys_of_another_class_make_no_secret(files, tmp_path):
    told = refused(Credentials(new_secret=tmp_path / "new"), configuration())
    assert "only a run of class secure" in told


def test_a_secret_is_never_written_over(files):
    told = refused(
        Credentials(
            identity=files["alice.id"],
            trust=files["bob.id.pub"],
            new_secret=files["alice.pads"],
        )
    )
    assert "takes a new file" in told


# --- keys ---------------------------------------------------------------------------


def stored(folder: Path, *lengths: int) -> SimpleNamespace:
    """Return the files of a run that ended with keys of these lengths."""
    store, keys = KeyStore(folder / "keys"), []
    for number, length in enumerate(lengths):
        bits = BitArray.from_bytes(bytes([number + 1]) * (length // 8 + 1), length)
        key = KeyBlock(f"k-{number}", number, bits, "secure")
        store.put(key.key_id, key.bits, "secure")
        store.advance(key.key_id, KeyState.CONFIRMED)
        keys.append(key)
    return SimpleNamespace(store=store, keys=keys)


def test_the_keys_of_a_run_become_a_secret(tmp_path):
    run = stored(tmp_path, 10_007, 10_001)
    path = tmp_path / "new"
    assert Credentials(new_secret=path).keep("alice", run, 20_008) == 20_008
    with PadPool.open(path, "alice") as pool:
        assert pool.origin is Origin.RUN
        assert pool.n_pads == (2500 - 64) // 32
        assert pool.take(Direction.ALICE_TO_BOB)[1] == b"\1" * 16


def test_a_secret_knows_that_its_key_was_not_claimed(tmp_path):
    run = stored(tmp_path, 20_000)
    path = tmp_path / "new"
    Credentials(new_secret=path).keep("alice", run, 19_999)
    with PadPool.open(path, "alice") as pool:
        assert pool.origin is Origin.ESTIMATE
        told = PeerSecrets(SECURE, bytes(16), pool).authentication
    assert told.status is Status.VIOLATED


def test_both_parties_make_the_same_secret(tmp_path):
    pads = []
    for party in ("alice", "bob"):
        run = stored(tmp_path / party, 20_000)
        path = tmp_path / f"{party}.pads"
        Credentials(new_secret=path).keep(party, run)
        with PadPool.open(path, party) as pool:
            pads.append([pool.hash_key(way) + pool.take(way)[1] for way in Direction])
    assert pads[0] == pads[1]


def test_keys_that_became_a_secret_never_leave_the_store(tmp_path):
    run = stored(tmp_path, 20_000)
    Credentials(new_secret=tmp_path / "new").keep("alice", run)
    (key,) = run.store
    assert key.state is KeyState.DELIVERED
    assert len(key.bits) == 0


def test_keys_are_delivered_before_they_are_pads(tmp_path):
    run = stored(tmp_path, 20_000)
    (tmp_path / "new").write_text("in the way")
    with pytest.raises(ResourceError, match="exists"):
        Credentials(new_secret=tmp_path / "new").keep("alice", run)
    assert [key.state for key in run.store] == [KeyState.DELIVERED]


def test_too_little_key_makes_no_secret_and_stays_key(tmp_path):
    run = stored(tmp_path, 5000)
    with pytest.raises(ResourceError, match="run longer"):
        Credentials(new_secret=tmp_path / "new").keep("alice", run)
    assert [key.state for key in run.store] == [KeyState.CONFIRMED]
    assert not (tmp_path / "new").exists()


def test_without_a_new_secret_keys_stay_as_they_are(tmp_path):
    run = stored(tmp_path, 20_000)
    assert Credentials().keep("alice", run) == 0
    assert [key.state for key in run.store] == [KeyState.CONFIRMED]


# --- what a result says -------------------------------------------------------------


def test_a_first_contact_is_computational_during_the_first_session(files):
    _, contact = opened(
        Credentials(identity=files["alice.id"], trust=files["bob.id.pub"])
    )
    told = PeerSecrets(SECURE, bytes(16), None, contact).authentication
    assert told.status.value == "assumed"
    assert told.note.startswith("computational during the first session")


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (Origin.BROUGHT, "pre-shared secret"),
        (Origin.RUN, "key of an earlier run"),
        (Origin.ESTIMATE, "that claimed no secret key"),
    ],
)
def test_pads_say_where_they_are_from(tmp_path, origin, words):
    secret = bytes(pool_bytes(4))
    with PadPool.create(tmp_path / "pads", secret, "alice", origin) as pool:
        assert words in PeerSecrets(SECURE, bytes(16), pool).authentication.note


def test_pads_of_a_key_that_was_not_claimed_let_nothing_be_claimed(tmp_path):
    secret = bytes(pool_bytes(4))
    with PadPool.create(tmp_path / "pads", secret, "alice", Origin.ESTIMATE) as pool:
        authentication = PeerSecrets(SECURE, bytes(16), pool).authentication
    assumed = {"name": "authentication", "status": "assumed", "note": ""}
    session = SimpleNamespace(
        recorder=SimpleNamespace(figures={"claimable_secret_bits": 7}),
        conversation=SimpleNamespace(figures={"assumptions": [assumed]}),
        _figures={},
        _authentication=authentication,
        _files=SimpleNamespace(keys=[], path=None),
        _channel=SimpleNamespace(auth_bits_spent=0, epsilon_authentication=0.0),
    )
    figures = PartySession.outcome(session).figures
    assert figures["claimable_secret_bits"] == 0
    assert [a["status"] for a in figures["assumptions"]] == ["violated"]
