"""ML-DSA-65 identities (FIPS 204): who a party is before it shares a secret.

An identity is a signing key in a file of its owner alone, PKCS #8 in PEM with the
32-byte seed, as OpenSSL 3.5 writes it. Its public half is a file of its own,
SubjectPublicKeyInfo in PEM, that goes to the other party by a way that cannot be
changed on; people compare fingerprints. A signature says for what purpose it was made
(the context string of FIPS 204), so that none stands for another.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from qkdlab.errors import ResourceError, VerifyError
from qkdlab.link.high_water import sync_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mldsa import (
        MLDSA65PrivateKey,
        MLDSA65PublicKey,
    )

__all__ = [
    "SIGNATURE_BYTES",
    "Identity",
    "PublicIdentity",
    "fingerprinted",
    "public_path",
]

SIGNATURE_BYTES = 3309
"""Length of a signature of ML-DSA-65 (FIPS 204, table 2) [run]."""
_MOST_BYTES = 1 << 16
"""A longer file is no key."""
_CONTEXT = b"qkdlab/1/"


def public_path(path: Path) -> Path:
    """Return where the public half of an identity's file is written."""
    return path.with_name(path.name + ".pub")


class PublicIdentity:
    """The public half: verifies."""

    def __init__(self, key: MLDSA65PublicKey) -> None:
        self._key = key

    @classmethod
    def of_bytes(cls, raw: bytes) -> Self:
        """Return the identity of a raw public key of 1952 bytes; else ValueError."""
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

        return cls(MLDSA65PublicKey.from_public_bytes(raw))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the identity in a file.

        Raises ResourceError when it cannot be read, VerifyError when it holds no public
        key of ML-DSA-65.
        """
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        text = _read(path, "public key")
        try:
            key = load_pem_public_key(text)
        except Exception:
            key = None
        if not isinstance(key, MLDSA65PublicKey):
            raise VerifyError(
                f"{path}: holds no public key of an identity; give the file FILE.pub "
                "that 'qkdlab identity --new' made at the other party"
            )
        return cls(key)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw public key, in hexadecimal."""
        return hashlib.sha256(self._key.public_bytes_raw()).hexdigest()

    def verifies(self, purpose: bytes, data: bytes, signature: bytes) -> bool:
        """Say whether `signature` is this identity's, of `data` for `purpose`."""
        from cryptography.exceptions import InvalidSignature

        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            self._key.verify(signature, data, _CONTEXT + purpose)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PublicIdentity) and self.fingerprint == other.fingerprint
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"PublicIdentity({self.fingerprint[:16]})"


class Identity:
    """The whole of it: signs.

    Make one with :meth:`create`, :meth:`open` or :meth:`of_seed` (tests).
    """

    def __init__(self, key: MLDSA65PrivateKey) -> None:
        self._key = key
        self.public = PublicIdentity(key.public_key())

    @classmethod
    def of_seed(cls, seed: bytes) -> Self:
        """Return the identity of a seed of 32 bytes (xi of FIPS 204)."""
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

        return cls(MLDSA65PrivateKey.from_seed_bytes(seed))

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new identity to `path`, its public half beside it, and return it.

        Raises ResourceError when either file exists or cannot be written.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

        key = MLDSA65PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        _write_new(path, private, 0o600)
        try:
            _write_new(public_path(path), public, 0o644)
        except ResourceError:
            path.unlink()
            raise
        return cls(key)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the identity in a file.

        Raises ResourceError when it cannot be read or others can read it, VerifyError
        when it holds no private key of ML-DSA-65.
        """
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        text = _read(path, "identity", private=True)
        try:
            key = load_pem_private_key(text, None)
        except Exception:
            key = None
        if not isinstance(key, MLDSA65PrivateKey):
            raise VerifyError(f"{path}: holds no identity; see 'qkdlab identity'")
        return cls(key)

    def sign(self, purpose: bytes, data: bytes) -> bytes:
        """Return the signature of `data` for `purpose`, 3309 bytes."""
        return self._key.sign(data, _CONTEXT + purpose)

    def __repr__(self) -> str:
        return f"Identity({self.public.fingerprint[:16]})"


def fingerprinted(path: Path) -> PublicIdentity:
    """Return the public half of what a file holds, an identity or a public key.

    Raises as `Identity.open` and `PublicIdentity.read`.
    """
    if _read(path, "identity").startswith(b"-----BEGIN PRIVATE KEY"):
        return Identity.open(path).public
    return PublicIdentity.read(path)


def _read(path: Path, what: str, *, private: bool = False) -> bytes:
    """Return what a key's file holds, `private` for its owner alone."""
    try:
        with path.open("rb") as file:
            others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            if private and others:
                raise ResourceError(
                    f"{path}: other users can read the {what}; chmod 600 it"
                )
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise ResourceError(
            f"{path}: there is no such {what}; 'qkdlab identity FILE --new' makes an "
            "identity, and FILE.pub for the other party"
        ) from None
    except OSError as error:
        raise ResourceError(
            f"{path}: cannot read the {what}: {error.strerror}"
        ) from None


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a new file; it is on disk when this returns."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.parent)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise ResourceError(
            f"{path}: exists, and no key is ever written over; choose another name"
        ) from None
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written: {error.strerror}") from None
