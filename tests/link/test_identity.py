"""Identities: published answers of ML-DSA-65, files, and what they refuse."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from qkdlab.errors import ResourceError, VerifyError
from qkdlab.link.identity import (
    Identity,
    PublicIdentity,
    fingerprinted,
    public_path,
)

KNOWN = json.loads((Path(__file__).parent / "data" / "mldsa65.json").read_text())
ME, OTHER = Identity.of_seed(bytes(32)), Identity.of_seed(bytes(31) + b"\1")


def known(name: str) -> bytes:
    return bytes.fromhex(KNOWN[name])


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "alice.id"


def test_a_published_seed_gives_the_published_key():
    public = Identity.of_seed(known("xi")).public
    assert public == PublicIdentity.of_bytes(known("public_key"))
    assert public.fingerprint == hashlib.sha256(known("public_key")).hexdigest()


def test_a_published_signature_is_good():
    key = PublicIdentity.of_bytes(known("public_key"))._key
    key.verify(known("signature"), known("message"), known("context"))


def test_a_published_signature_stands_for_no_purpose_of_ours():
    identity = PublicIdentity.of_bytes(known("public_key"))
    for purpose in (b"phase", b"confirmation", known("context")):
        assert not identity.verifies(purpose, known("message"), known("signature"))


def test_a_signature_is_its_signers():
    signature = ME.sign(b"phase", b"words")
    assert ME.public.verifies(b"phase", b"words", signature)
    assert not OTHER.public.verifies(b"phase", b"words", signature)


def test_a_signature_is_of_its_words_and_purpose():
    signature = ME.sign(b"phase", b"words")
    assert not ME.public.verifies(b"phase", b"word", signature)
    assert not ME.public.verifies(b"confirmation", b"words", signature)


@pytest.mark.parametrize("at", range(0, 3309, 257))
def test_a_changed_signature_is_none(at):
    signature = bytearray(ME.sign(b"phase", b"words"))
    signature[at] ^= 1
    assert not ME.public.verifies(b"phase", b"words", bytes(signature))


@pytest.mark.parametrize("cut", [b"", bytes(3308), bytes(3310)])
def test_a_signature_of_another_length_is_none(cut):
    assert not ME.public.verifies(b"phase", b"words", cut)


def test_what_was_written_is_read(path):
    made = Identity.create(path)
    assert Identity.open(path).public == made.public
    assert PublicIdentity.read(public_path(path)) == made.public


def test_the_file_is_for_its_owner_alone(path):
    Identity.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_refused(path):
    Identity.create(path)
    path.chmod(0o640)
    with pytest.raises(ResourceError, match="chmod 600"):
        Identity.open(path)


def test_nothing_is_ever_written_over(path):
    before = Identity.create(path)
    with pytest.raises(ResourceError, match="exists"):
        Identity.create(path)
    assert Identity.open(path).public == before.public


def test_a_public_key_in_the_way_leaves_no_identity(path):
    public_path(path).write_text("mine")
    with pytest.raises(ResourceError, match="exists"):
        Identity.create(path)
    assert not path.exists()
    assert public_path(path).read_text() == "mine"


def test_a_missing_file_is_named(path):
    with pytest.raises(ResourceError, match=str(path)):
        Identity.open(path)
    with pytest.raises(ResourceError, match=str(path)):
        PublicIdentity.read(path)
    with pytest.raises(ResourceError, match="qkdlab identity FILE --new"):
        fingerprinted(path)


def test_either_half_has_the_fingerprint(path):
    me = Identity.create(path).public
    assert fingerprinted(path) == fingerprinted(public_path(path)) == me


@pytest.mark.parametrize("text", [b"", b"password", b"-----BEGIN PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(path, text):
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(VerifyError, match="holds no identity"):
        Identity.open(path)
    with pytest.raises(VerifyError, match="holds no public key"):
        PublicIdentity.read(path)


def test_the_private_half_is_no_public_key(path):
    Identity.create(path)
    with pytest.raises(VerifyError, match="holds no public key"):
        PublicIdentity.read(path)


def test_a_key_of_another_kind_is_refused(path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    with pytest.raises(VerifyError, match="holds no identity"):
        Identity.open(path)


def test_printing_an_identity_shows_a_fingerprint_only():
    assert repr(ME) == f"Identity({ME.public.fingerprint[:16]})"
    assert repr(ME.public) == f"PublicIdentity({ME.public.fingerprint[:16]})"
