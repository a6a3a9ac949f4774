"""The pool of one-time pads for authentication, drawn from a pre-shared secret.

The secret is uniform random bytes, equal on both sides: a key of 32 bytes for the codes
of greetings, a hash key of 16 bytes per direction, then the pads, 16 bytes each, by
turns for the two directions. A pad for a message of this party is marked spent on disk,
and the disk is synchronised, before it is handed out; so none ever covers two messages,
not after a crash either (SECURITY rule 8). One that the peer named is marked when its
tag was verified, before anything is made of the message. Spent pads are overwritten.

The file (`qkdlab.link.pad_file`) belongs to one of the two parties. How far it was
spent is on record outside of it, too (`qkdlab.link.high_water`), and the parties
compare where they stand when they meet (`qkdlab.link.handshake`): an older copy that
was put back is found out by its own party or by the other. Nobody notices when file and
mark are both put back at both parties, nor when they are at one, and none of the
messages that it sent since the copy was made has arrived.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from qkdlab.distill import authenticate
from qkdlab.distill.authenticate import HASH_KEY_BYTES, PAD_BYTES, TAG_BYTES
from qkdlab.errors import (
    AbortCode,
    ResourceError,
    SecurityAbort,
)
from qkdlab.link.direction import Direction
from qkdlab.link.high_water import HighWater, mark_path, sync_folder
from qkdlab.link.pad_file import (
    COUNTER_AT,
    SECRET_AT,
    Origin,
    counter,
    damaged,
    new_head,
    read_head,
    read_origin,
)

__all__ = ["PadPool", "pool_bytes"]

GREETING_KEY_BYTES = 32
KEYS_BYTES = GREETING_KEY_BYTES + 2 * HASH_KEY_BYTES
PAIR_BYTES = 2 * PAD_BYTES


def pool_bytes(n_pads: int) -> int:
    """Return the length of a secret with `n_pads` pads per direction."""
    return KEYS_BYTES + n_pads * PAIR_BYTES


class PadPool:
    """One party's copy of the pre-shared secret; see the module's description.

    Make one with :meth:`create` or :meth:`open` (file of mode 0600, locked against
    other processes) or :meth:`memory` (a secret of one run). A `Tagger`.
    """

    tag_bytes = TAG_BYTES

    def __init__(self, secret: bytearray, spent: dict[Direction, int]) -> None:
        self._secret = secret
        self._next = spent
        self._file: int | None = None
        self._mark: HighWater | None = None
        self._pads_taken = 0
        self.origin = Origin.BROUGHT
        """Where the secret comes from."""

    @classmethod
    def memory(cls, secret: bytes | bytearray) -> Self:
        """Return a pool of a secret that ends with the process, like what was spent.

        No other process or run may ever be given the same secret.
        """
        _check_length(secret)
        return cls(bytearray(secret), dict.fromkeys(Direction, 0))

    @classmethod
    def create(
        cls, path: Path, secret: bytes, party: str, origin: Origin = Origin.BROUGHT
    ) -> Self:
        """Write a new pool for `party`, and return it open.

        Raises ResourceError when the file exists or cannot be written.
        """
        _check_length(secret)
        if mark_path(path).exists() and not path.exists():
            raise ResourceError(
                f"{mark_path(path)}: is of an earlier secret; remove it, or choose "
                "another name"
            )
        n_pads = (len(secret) - KEYS_BYTES) // PAIR_BYTES
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _cannot_write(path, error) from None
        try:
            with open(file, "wb") as stream:
                head = new_head(n_pads, party, origin)
                stream.write(head + secret[: pool_bytes(n_pads)])
                stream.flush()
                os.fsync(stream.fileno())
            sync_folder(path.parent)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _cannot_write(path, error) from None
        return cls.open(path, party)

    @classmethod
    def open(cls, path: Path, party: str) -> Self:
        """Open the pool of `party` where it was left.

        Raises ResourceError when the file cannot be read, is in use or open to other
        users, UsageError when it is the other party's, VerifyError when it is no pad
        pool, or an older copy of it was put back.
        """
        try:
            file = os.open(path, os.O_RDWR)
        except OSError as error:
            raise ResourceError(
                f"{path}: cannot open the pad pool: {error.strerror}"
            ) from None
        try:
            if stat.S_IMODE(os.fstat(file).st_mode) & 0o077:
                raise ResourceError(
                    f"{path}: other users can read the pad pool; chmod 600 it"
                )
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ResourceError(
                    f"{path}: another process uses this pad pool"
                ) from None
            head = os.pread(file, SECRET_AT, 0)
            n_pads, spent = read_head(path, head, party)
            if os.fstat(file).st_size != SECRET_AT + pool_bytes(n_pads):
                raise damaged(path)
            secret = bytearray(pool_bytes(n_pads))
            os.preadv(file, [secret], SECRET_AT)
            pool = cls(secret, spent)
            pool._mark = HighWater(
                path, pool._code_of(b"used " + party.encode()), spent
            )
            pool.origin = read_origin(path, head)
            pool._file = file
        except BaseException:
            os.close(file)
            raise
        return pool

    @property
    def n_pads(self) -> int:
        """Pads per direction, spent ones included."""
        return (len(self._secret) - KEYS_BYTES) // PAIR_BYTES

    def remaining(self, direction: Direction) -> int:
        """Return how many pads of a direction are left."""
        return self.n_pads - self._next[direction]

    def spent(self, direction: Direction) -> int:
        """Return how many pads of a direction are spent, ever."""
        return self._next[direction]

    @property
    def bits_spent(self) -> int:
        """Pad bits taken for tags of either direction since the pool was opened."""
        return 8 * PAD_BYTES * self._pads_taken

    def greeting_code(self, text: bytes) -> bytes:
        """Return the code of a greeting: it can only come from who has this secret.

        HMAC-SHA-256, 32 bytes: computational, costs no pad, and stands for none; tags
        of messages never rest on it.
        """
        return self._code_of(b"greeting")(text)

    def hash_key(self, direction: Direction) -> bytes:
        """Return the secret hash key of a direction."""
        return self._bytes(GREETING_KEY_BYTES + HASH_KEY_BYTES * _place(direction))

    def make_tag(
        self, direction: Direction, covered: Callable[[int], Sequence[bytes]]
    ) -> tuple[int, bytes]:
        """Spend a pad; return its index and the tag; see `Tagger`."""
        index, pad = self.take(direction)
        key = self.hash_key(direction)
        return index, authenticate.tag(key, pad, *covered(index))

    def check_tag(
        self,
        direction: Direction,
        index: int,
        covered: Callable[[int], Sequence[bytes]],
        tag: bytes,
    ) -> bool:
        """Verify a tag, then spend the pad that the peer named; see `Tagger`.

        A forged frame spends nothing: it could name a pad that the sender has not
        reached, and part two secrets for good.
        """
        pad = self.look_at(direction, index)
        if pad is None:
            return False
        key = self.hash_key(direction)
        if not authenticate.check(key, pad, tag, *covered(index)):
            return False
        self.take_at(direction, index)
        return True

    def epsilon(self, longest_bytes: int) -> float:
        """Return the chance that one tag is forged; see `Tagger`."""
        return authenticate.epsilon(longest_bytes)

    def take(self, direction: Direction) -> tuple[int, bytes]:
        """Spend the next pad of a direction; return its index and the pad.

        Raises SecurityAbort(POOL_EMPTY) when there is none.
        """
        index = self._next[direction]
        return index, self._spend(direction)

    def look_at(self, direction: Direction, index: int) -> bytes | None:
        """Return the pad that the peer names, to verify its tag; nothing is spent.

        Anybody can name a pad. Returns None for any but the next: the channel loses
        nothing within a session, and what was lost with an earlier one is skipped when
        the parties greet (`skip_to`).
        """
        if index != self._next[direction] or index >= self.n_pads:
            return None
        return self._pad(direction, index)

    def take_at(self, direction: Direction, index: int) -> bytes | None:
        """Spend the pad whose tag was verified; as `look_at`."""
        if self.look_at(direction, index) is None:
            return None
        return self._spend(direction)

    def skip_to(self, direction: Direction, spent: int) -> None:
        """Give up the pads that the peer has spent on messages that never arrived.

        spent: as the peer told it, authenticated, not less than what is spent here
        """
        self._advance(direction, min(max(spent, self._next[direction]), self.n_pads))

    def close(self) -> None:
        """Forget the secret and release the files.

        Nothing of its length is left either: zeros would be a key that all know.
        """
        self._secret[:] = bytes(len(self._secret))
        self._secret = bytearray()
        if self._mark is not None:
            self._mark.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        left = ", ".join(f"{d} {self.remaining(d)}" for d in Direction)
        return f"PadPool({left} of {self.n_pads} pads left)"

    def _spend(self, direction: Direction) -> bytes:
        index = self._next[direction]
        if index >= self.n_pads:
            raise SecurityAbort(
                AbortCode.POOL_EMPTY,
                "no pads are left to authenticate with",
                {"direction": direction.value, "pads": self.n_pads},
            )
        pad = self._pad(direction, index)
        self._advance(direction, index + 1)
        self._pads_taken += 1
        return pad

    def _advance(self, direction: Direction, end: int) -> None:
        """Mark all pads before `end` as spent, on disk first; then overwrite them."""
        first = self._next[direction]
        self._next[direction] = end
        try:
            if self._file is not None and self._mark is not None and end > first:
                os.pwrite(self._file, counter(end), COUNTER_AT[direction])
                os.fsync(self._file)
                self._mark.raise_to(self._next)
            for spent in range(first, end):
                self._overwrite(_pad_at(direction, spent))
        except OSError as error:
            raise ResourceError(
                f"cannot mark a pad as spent: {error.strerror}"
            ) from None

    def _code_of(self, purpose: bytes) -> Callable[[bytes], bytes]:
        """Return what makes the codes of texts for one purpose."""

        def code(text: bytes) -> bytes:
            key = bytes(self._secret[:GREETING_KEY_BYTES])
            label = b"qkdlab/" + purpose + b"/1\0"
            return hmac.new(key, label + text, hashlib.sha256).digest()

        return code

    def _pad(self, direction: Direction, index: int) -> bytes:
        return self._bytes(_pad_at(direction, index))

    def _bytes(self, at: int) -> bytes:
        return bytes(self._secret[at : at + PAD_BYTES])

    def _overwrite(self, at: int) -> None:
        self._secret[at : at + PAD_BYTES] = bytes(PAD_BYTES)
        if self._file is not None:
            os.pwrite(self._file, bytes(PAD_BYTES), SECRET_AT + at)


def _cannot_write(path: Path, error: OSError) -> ResourceError:
    return ResourceError(f"{path}: cannot write the pad pool: {error.strerror}")


def _place(direction: Direction) -> int:
    return 0 if direction is Direction.ALICE_TO_BOB else 1


def _pad_at(direction: Direction, index: int) -> int:
    return KEYS_BYTES + PAD_BYTES * _place(direction) + PAIR_BYTES * index


def _check_length(secret: bytes | bytearray) -> None:
    if len(secret) < pool_bytes(1):
        raise ResourceError(
            f"the pre-shared secret holds no pad: it needs {pool_bytes(1)} bytes at"
            f" least, {PAIR_BYTES} more for each further pad per direction"
        )
