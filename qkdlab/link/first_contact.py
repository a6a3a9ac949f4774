"""First contact: two parties who share no secret but know each other's public key.

The phases of their first session carry ML-DSA-65 signatures in the place of one-time
tags, and the key of that session becomes the secret of all later ones. Signatures have
to stand for as long as the session lasts: whoever breaks them later has learned
nothing of a key that was made under them (Mosca, Stebila, Ustaoglu, PQCrypto 2013,
arXiv:1206.6150 [mem]). A result says so: authentication is
`computational during the first session` (SECURITY rule 8).

A signature covers what a tag covers: session id, which both nonces and both public
keys enter, direction, number of the phase, configuration, all bytes of the phase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qkdlab.link.direction import Direction
from qkdlab.link.identity import SIGNATURE_BYTES, Identity, PublicIdentity

__all__ = ["FirstContact"]

_PHASE, _CONFIRM = b"phase", b"confirmation"


class FirstContact:
    """One party's means to be known, and to know the other.

    party, peer: names; mine: its identity; theirs: the one that it trusts

    A `Tagger` without pads: the index of a signature is always 0.
    """

    tag_bytes = SIGNATURE_BYTES
    bits_spent = 0

    def __init__(
        self, party: str, peer: str, mine: Identity, theirs: PublicIdentity
    ) -> None:
        self._mine = mine
        self._theirs = theirs
        self.fingerprints = {
            party: mine.public.fingerprint,
            peer: theirs.fingerprint,
        }
        """Of both, by party, as this party believes."""

    def confirmation(self, text: bytes) -> bytes:
        """Return the signature of what this party heard, 3309 bytes."""
        return self._mine.sign(_CONFIRM, text)

    def confirms(self, text: bytes, signature: bytes) -> bool:
        """Say whether the peer signed that it heard `text`."""
        return self._theirs.verifies(_CONFIRM, text, signature)

    def make_tag(
        self, direction: Direction, covered: Callable[[int], Sequence[bytes]]
    ) -> tuple[int, bytes]:
        """Sign a phase; see `Tagger`."""
        return 0, self._mine.sign(_PHASE, b"".join(covered(0)))

    def check_tag(
        self,
        direction: Direction,
        index: int,
        covered: Callable[[int], Sequence[bytes]],
        tag: bytes,
    ) -> bool:
        """Verify the peer's signature of a phase; see `Tagger`."""
        return index == 0 and self._theirs.verifies(_PHASE, b"".join(covered(0)), tag)

    def epsilon(self, longest_bytes: int) -> None:
        """Return None: that signatures are not forged is assumed, not bounded."""
        return

    def close(self) -> None:
        """Do nothing: the key is the library's, which does not overwrite it."""

    def __repr__(self) -> str:
        return f"FirstContact({', '.join(sorted(self.fingerprints))})"
