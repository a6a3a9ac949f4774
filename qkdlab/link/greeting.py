"""What a party says first: who it is, what it is about to do, and a fresh nonce.

A greeting carries a code under the pre-shared secret's greeting key, zeros without one
(`qkdlab.link.handshake`). At a first contact it names the public keys of both. The
digest at its end is no protection; it tells damage from another version.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Any, Self

import qkdlab
from qkdlab.errors import (
    AbortCode,
    PeerVersionError,
    SecurityAbort,
    UsageError,
)
from qkdlab.link.direction import Direction
from qkdlab.link.first_contact import FirstContact
from qkdlab.link.messages import PROTOCOL_VERSION
from qkdlab.link.pool import PadPool
from qkdlab.link.seal import not_authentic

__all__ = ["MAX_GREETING_BYTES", "Greeting", "check", "code_of", "is_greeting"]

_MAGIC = b"qkdlab-hello\n"
"""This, the protocol version (u16) after it and the digest stay in every version."""
_DIGEST_BYTES = 32
_CODE_BYTES = 32
MAX_GREETING_BYTES = 4096
"""A longer first message is no greeting."""
_NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a party says first.

    configuration: SHA-256 of what both must agree on, hexadecimal
    nonce:         fresh random bytes, hexadecimal
    pads:          pads spent of the pre-shared secret, by direction; None when the
                   party has no such secret
    identities:    fingerprints of both parties' public keys, as this one believes, by
                   party; None but at a first contact. Nobody who has a secret names
                   any: signatures never stand in for pads.
    """

    party: str
    software: str
    experiment: str
    configuration: str
    nonce: str
    pads: dict[str, int] | None
    identities: dict[str, str] | None = None
    protocol: int = PROTOCOL_VERSION

    @classmethod
    def of(
        cls,
        party: str,
        experiment: str,
        configuration: str,
        pool: PadPool | None,
        contact: FirstContact | None = None,
    ) -> Self:
        """Return this program's greeting, with a nonce of the operating system."""
        spent = None
        if pool is not None:
            spent = {d.value: pool.spent(d) for d in Direction}
        return cls(
            party=party,
            software=qkdlab.__version__,
            experiment=experiment,
            configuration=configuration,
            nonce=os.urandom(_NONCE_BYTES).hex(),
            pads=spent,
            identities=None if contact is None else dict(contact.fingerprints),
        )

    def encode(self, pool: PadPool | None) -> bytes:
        """Return the greeting in bytes, with its code; zeros without a secret."""
        fields = asdict(self)
        del fields["protocol"]
        version = self.protocol.to_bytes(2, "little")
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        data = _MAGIC + version + text.encode("ascii")
        data += bytes(_CODE_BYTES) if pool is None else pool.greeting_code(data)
        return data + hashlib.sha256(data).digest()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the greeting that `data` holds; its code is not looked at.

        Raises SecurityAbort(AUTHENTICATION_FAILED) for damage, PeerVersionError for
        the greeting of another protocol version.
        """
        if not is_greeting(data):
            raise not_authentic()
        protocol = int.from_bytes(data[len(_MAGIC) :][:2], "little")
        if protocol != PROTOCOL_VERSION:
            raise PeerVersionError(
                f"the other party speaks version {protocol} of the protocol, this one "
                f"version {PROTOCOL_VERSION}; install the same qkdlab at both ends"
            )
        try:
            body, _ = code_of(data)
            return cls._checked(json.loads(body[len(_MAGIC) + 2 :]))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise not_authentic() from None

    @classmethod
    def _checked(cls, fields: dict[str, Any]) -> Self:
        greeting = cls(**fields)
        texts = ("party", "software", "experiment", "configuration", "nonce")
        if not all(_is_plain(getattr(greeting, name)) for name in texts):
            raise TypeError
        if len(bytes.fromhex(greeting.nonce)) != _NONCE_BYTES:
            raise ValueError
        pads = greeting.pads
        if pads is not None and type(pads) is not dict:
            raise TypeError
        if pads is not None and sorted(pads) != sorted(Direction):
            raise ValueError
        if not all(type(n) is int and n >= 0 for n in (pads or {}).values()):
            raise TypeError
        known = greeting.identities
        if known is not None and (pads is not None or not _are_fingerprints(known)):
            raise TypeError
        return greeting


def _are_fingerprints(known: object) -> bool:
    """Tell whether these are SHA-256 in hexadecimal, one of each party."""
    parties = sorted(direction.sender for direction in Direction)
    return (
        type(known) is dict
        and sorted(known) == parties
        and all(
            isinstance(text, str) and bytes.fromhex(text).hex() == text
            for text in known.values()
        )
        and all(len(text) == 2 * _DIGEST_BYTES for text in known.values())
    )


def _is_plain(text: object) -> bool:
    """Tell whether a text of the peer's can be shown as it is."""
    return isinstance(text, str) and text.isascii() and text.isprintable()


def is_greeting(data: bytes) -> bool:
    """Tell whether `data` is a whole greeting, of whatever version."""
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    is_whole = hashlib.sha256(body).digest() == digest
    return is_whole and body.startswith(_MAGIC) and len(data) <= MAX_GREETING_BYTES


def code_of(data: bytes) -> tuple[bytes, bytes]:
    """Return what the code of a whole greeting covers, and the code."""
    end = len(data) - _DIGEST_BYTES
    return data[: end - _CODE_BYTES], data[end - _CODE_BYTES : end]


def check(mine: Greeting, theirs: Greeting, peer: str) -> None:
    """Refuse a greeting that does not fit this party's; `peer` is who should say it.

    Raises PeerVersionError, UsageError when both play the same party,
    SecurityAbort(PEER_CONFIGURATION) for everything else.
    """
    if theirs.software != mine.software:
        raise PeerVersionError(
            f"the other party runs qkdlab {theirs.software!r}, this one "
            f"{mine.software!r}; install the same version at both ends"
        )
    if theirs.experiment != mine.experiment:
        raise _differs("experiment", mine.experiment, theirs.experiment)
    if theirs.configuration != mine.configuration:
        raise _differs("configuration", mine.configuration, theirs.configuration)
    if theirs.party == mine.party:
        raise UsageError(f"both ends play {mine.party}; the other must play {peer}")
    if theirs.party != peer:
        raise _differs("party", peer, theirs.party)
    _check_pads(mine, theirs)
    _check_identities(mine, theirs)


def _check_identities(mine: Greeting, theirs: Greeting) -> None:
    """Refuse a first contact that is none for the other, or with somebody else."""
    if mine.identities == theirs.identities:
        return
    if mine.identities is None or theirs.identities is None:
        texts = ("no", "yes")
        raise _differs(
            "first contact",
            texts[mine.identities is not None],
            texts[theirs.identities is not None],
        )
    for party, fingerprint in mine.identities.items():
        if fingerprint != theirs.identities[party]:
            raise _differs(
                f"identity of {party}", fingerprint, theirs.identities[party]
            )


def _check_pads(mine: Greeting, theirs: Greeting) -> None:
    """Refuse secrets of which one is behind what the other has seen of it."""
    if mine.pads is None or theirs.pads is None:
        if mine.pads != theirs.pads:
            texts = ("has none", "has one")
            raise _differs(
                "pre-shared secret",
                texts[mine.pads is not None],
                texts[theirs.pads is not None],
            )
        return
    for direction in Direction:
        sender, receiver = theirs.pads[direction], mine.pads[direction]
        if direction.sender == mine.party:
            sender, receiver = receiver, sender
        if sender < receiver:
            raise SecurityAbort(
                AbortCode.PEER_CONFIGURATION,
                "an older copy of a pre-shared secret was put back: its pads would be "
                "spent twice; make a new pair with 'qkdlab secret'",
                {"direction": direction.value, "sent": sender, "received": receiver},
            )


def _differs(what: str, mine: str, theirs: str) -> SecurityAbort:
    return SecurityAbort(
        AbortCode.PEER_CONFIGURATION,
        "the parties are set up differently",
        {"differs": what, "mine": mine[:16], "theirs": theirs[:16]},
    )
