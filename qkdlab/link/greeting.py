"""How two processes begin: who each is, what it is about to do, and a fresh nonce.

The greetings themselves are not authenticated. The session's id is a hash of both, and
stands under every tag that follows: a greeting that was changed on its way makes the
first authenticated phase fail (SECURITY rule 8). The digest at its end is no
protection; it tells damage from another version.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

import qkdlab
from qkdlab.errors import (
    AbortCode,
    PeerLost,
    PeerVersionError,
    SecurityAbort,
    UsageError,
)
from qkdlab.link.channel import Channel
from qkdlab.link.direction import Direction
from qkdlab.link.messages import PROTOCOL_VERSION
from qkdlab.link.pool import AHEAD, PadPool
from qkdlab.link.seal import abort_notice, not_authentic

__all__ = ["Greeting", "greet", "session_id"]

_MAGIC = b"qkdlab-hello\n"
"""This, the protocol version (u16) after it and the digest stay in every version."""
_DIGEST_BYTES = 32
_MAX_BYTES = 4096
_NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a party says first.

    configuration: SHA-256 of what both must agree on, hexadecimal
    nonce:         fresh random bytes, hexadecimal
    pads:          pads spent of the pre-shared secret, by direction; None when the
                   party has no such secret
    """

    party: str
    software: str
    experiment: str
    configuration: str
    nonce: str
    pads: dict[str, int] | None
    protocol: int = PROTOCOL_VERSION

    @classmethod
    def of(
        cls, party: str, experiment: str, configuration: str, pool: PadPool | None
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
        )

    def encode(self) -> bytes:
        """Return the greeting in bytes."""
        fields = asdict(self)
        del fields["protocol"]
        version = self.protocol.to_bytes(2, "little")
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        data = _MAGIC + version + text.encode("ascii")
        return data + hashlib.sha256(data).digest()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the greeting that `data` holds.

        Raises SecurityAbort(AUTHENTICATION_FAILED) for damage, PeerVersionError for
        the greeting of another protocol version.
        """
        body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        is_whole = hashlib.sha256(body).digest() == digest
        if not (is_whole and body.startswith(_MAGIC) and len(data) <= _MAX_BYTES):
            raise not_authentic()
        version, text = body[len(_MAGIC) :][:2], body[len(_MAGIC) + 2 :]
        protocol = int.from_bytes(version, "little")
        if protocol != PROTOCOL_VERSION:
            raise PeerVersionError(
                f"the other party speaks version {protocol} of the protocol, this one "
                f"version {PROTOCOL_VERSION}; install the same qkdlab at both ends"
            )
        try:
            return cls._checked(json.loads(text))
        except (ValueError, TypeError, RecursionError):
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
        if pads is not None and sorted(pads) != sorted(Direction):
            raise ValueError
        if not all(type(n) is int and n >= 0 for n in (pads or {}).values()):
            raise TypeError
        return greeting


def greet(channel: Channel, mine: Greeting, peer: str, timeout_s: float) -> bytes:
    """Exchange greetings with the party `peer`; return the session's id, 16 bytes.

    Raises PeerLost when nothing came in time, PeerVersionError, UsageError when both
    play the same party, SecurityAbort(PEER_CONFIGURATION) when they are about to do
    different things, SecurityAbort(AUTHENTICATION_FAILED) for a damaged greeting.
    """
    said = mine.encode()
    channel.send(said)
    heard = channel.receive(timeout_s)
    if heard is None:
        raise PeerLost(f"the other party did not greet within {timeout_s:g} s")
    try:
        theirs = Greeting.decode(heard)
        _check(mine, theirs, peer)
    except SecurityAbort as abort:
        with suppress(PeerLost):
            channel.send(abort_notice(abort.code))
        raise
    return session_id({mine.party: said, theirs.party: heard})


def session_id(greetings: dict[str, bytes]) -> bytes:
    """Return the id that two greetings make, by party and in their order."""
    text = hashlib.sha256(b"qkdlab/session/2")
    for party in sorted(greetings):
        text.update(hashlib.sha256(greetings[party]).digest())
    return text.digest()[:16]


def _is_plain(text: object) -> bool:
    """Tell whether a text of the peer's can be shown as it is."""
    return isinstance(text, str) and text.isascii() and text.isprintable()


def _check(mine: Greeting, theirs: Greeting, peer: str) -> None:
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


def _check_pads(mine: Greeting, theirs: Greeting) -> None:
    """Refuse secrets that do not go on at the same place.

    A sender marks a pad as spent before it leaves, so a receiver who has spent more
    than the sender met a copy of its file that was put back.
    """
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
        if not 0 <= sender - receiver < AHEAD:
            raise SecurityAbort(
                AbortCode.PEER_CONFIGURATION,
                "the pre-shared secrets do not stand at the same pad: they are of "
                "different origin, or a used file was put back; make a new one",
                {"direction": direction.value, "sent": sender, "received": receiver},
            )


def _differs(what: str, mine: str, theirs: str) -> SecurityAbort:
    return SecurityAbort(
        AbortCode.PEER_CONFIGURATION,
        "the parties are set up differently",
        {"differs": what, "mine": mine[:16], "theirs": theirs[:16]},
    )
