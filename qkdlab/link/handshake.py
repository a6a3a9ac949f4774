"""How two processes begin: they greet, and whoever has a secret confirms what it heard.

Greeting and confirmation carry a code (HMAC-SHA-256) under the pre-shared secret's
greeting key, a key of its own that is no pad, so nothing is spent before the parties
know each other: the code of the greeting tells a stranger at once, that of the
confirmation covers both greetings with their nonces, so that an old greeting, said
again, is nothing.

Under these codes the parties compare where their secrets stand. A sender marks a pad as
spent before it leaves, so a receiver who has spent more than the sender met an older
copy that was put back: both stop. What the sender has spent in vain, the receiver
skips. This is the account of the pads only: the session's id is a hash of both
greetings and stands under every tag that follows, which no code replaces (SECURITY
rule 8).

At a first contact (`qkdlab.link.first_contact`) greetings carry no code; both name both
public keys, and the confirmation is a signature of both greetings. Without a secret or
an identity nothing is authenticated.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress

from qkdlab.errors import AbortCode, PeerLost, QkdlabError, SecurityAbort
from qkdlab.link.channel import Channel
from qkdlab.link.direction import Direction
from qkdlab.link.first_contact import FirstContact
from qkdlab.link.greeting import Greeting, check, code_of, is_greeting
from qkdlab.link.pool import PadPool
from qkdlab.link.seal import abort_notice, not_authentic, refuse_abort

__all__ = ["Handshake", "greet", "tell_refusal"]

_CONFIRM = b"qkdlab-known\n"


class Handshake:
    """One party's half of the meeting, without input or output.

    Give it every message of the other end by `take` and send what that returns, until
    `session` is there. Errors end it.

    Who may end a run? Before a party is authenticated, nothing that is said can be put
    down to it: anybody can connect, say that it is of another version, or damage a
    greeting on its way. So an error is of the peer (`knows_peer`) only

    * with a pre-shared secret, or at a first contact: when the other end has confirmed,
      that is has answered this party's fresh nonce under the greeting key, or with the
      signature of the identity that is trusted. What a greeting gives cause to
      refuse (another version, another configuration, a secret that stands elsewhere) is
      therefore held back until the confirmation is there;
    * without either: when it said a whole greeting. Who can write one would be taken
      for the peer just as well, so nothing is lost by believing a refusal, too.

    All else is said by a stranger, and who waits for the peer goes on waiting
    (`qkdlab.link.reception`). A peer of another protocol version cannot confirm: it,
    too, is a stranger until the wait ends, and is what the wait then ends with.

    peer: the party that is to be met
    pool: this party's secret, None without one; what the peer has spent in vain is
          skipped in it at the end
    contact: this party's identity and the one that it trusts; None but at a first
             contact, and never beside a pool
    """

    def __init__(
        self,
        mine: Greeting,
        peer: str,
        pool: PadPool | None,
        contact: FirstContact | None = None,
    ) -> None:
        if pool is not None and contact is not None:
            raise ValueError("with a pre-shared secret there is no first contact")
        self._mine = mine
        self._peer = peer
        self._pool = pool
        self._contact = contact
        self._is_anybody = pool is None and contact is None
        self._theirs: Greeting | None = None
        self._refusal: QkdlabError | None = None
        self._full_id = b""
        self.said = mine.encode(pool)
        self.knows_peer = False
        """True once the other end is the peer and nobody else, as far as can be."""
        self.has_greeted = False
        """True once the other end has shown who it is, as far as its greeting can.

        At a first contact its confirmation has to: a greeting has no code then.
        """
        self.session: bytes | None = None
        """The session's id, 16 bytes, when the parties have met."""

    def take(self, message: bytes) -> bytes | None:
        """Take a message of the other end; return what to answer, if anything.

        Raises PeerVersionError, UsageError when both play the same party,
        SecurityAbort(PEER_CONFIGURATION) when they are about to do different things,
        SecurityAbort(AUTHENTICATION_FAILED) for what is no greeting or not of the
        secret, SecurityAbort(PEER_ABORTED) when the other end gave up.
        """
        refuse_abort(message)
        if self._theirs is not None:
            self._take_confirmation(message)
            return None
        self.knows_peer = self._is_anybody and is_greeting(message)
        theirs = Greeting.decode(message)
        self._theirs = theirs
        try:
            check(self._mine, theirs, self._peer)
        except QkdlabError as refusal:
            self._refusal = refusal
        self._full_id = _full_id({self._mine.party: self.said, theirs.party: message})
        if self._is_anybody:
            self.has_greeted = True
            self._finish()
            return None
        self._check_code(theirs, message)
        self.has_greeted = self._pool is not None
        return self._confirmation()

    def __repr__(self) -> str:
        return f"Handshake({self._mine.party}, knows_peer={self.knows_peer})"

    def _check_code(self, theirs: Greeting, message: bytes) -> None:
        """Refuse what does not come from the other owner of the secret.

        This party's own greeting, sent back to it, has a good code, too.
        """
        body, code = code_of(message)
        is_good = self._pool is None or hmac.compare_digest(
            self._pool.greeting_code(body), code
        )
        if is_good and theirs.party == self._peer:
            return
        if self._refusal is not None:
            raise self._refusal
        raise SecurityAbort(
            AbortCode.AUTHENTICATION_FAILED,
            "the greeting is not of this pre-shared secret: the other party has "
            "another one, or it was somebody else",
        )

    def _heard_by(self, party: str) -> bytes:
        """Return what `party` confirms when it knows both greetings."""
        return _CONFIRM + party.encode("ascii") + self._full_id

    def _confirmation(self) -> bytes:
        """Return what this party says when it has heard the other."""
        text = self._heard_by(self._mine.party)
        if self._contact is not None:
            return _CONFIRM + self._contact.confirmation(text)
        if self._pool is not None:
            return _CONFIRM + self._pool.greeting_code(text)
        raise not_authentic()

    def _is_confirmation(self, message: bytes) -> bool:
        text = self._heard_by(self._peer)
        if self._contact is not None:
            proof = message[len(_CONFIRM) :]
            is_whole = message.startswith(_CONFIRM)
            return is_whole and self._contact.confirms(text, proof)
        if self._pool is not None:
            wanted = _CONFIRM + self._pool.greeting_code(text)
            return hmac.compare_digest(wanted, message)
        return False

    def _take_confirmation(self, message: bytes) -> None:
        if self.session is not None or not self._is_confirmation(message):
            raise not_authentic()
        self.knows_peer = self.has_greeted = True
        self._finish()

    def _finish(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self._pool is not None and self._theirs is not None:
            for direction in Direction:
                if direction.sender == self._peer and self._theirs.pads is not None:
                    self._pool.skip_to(direction, self._theirs.pads[direction])
        self.session = self._full_id[:16]


def greet(channel: Channel, handshake: Handshake, timeout_s: float) -> bytes:
    """Greet who is at the other end; return the session's id, 16 bytes.

    Raises PeerLost when nothing came in time, and as `Handshake.take`; then the other
    end is told the code of an abort.
    """
    channel.send(handshake.said)
    while handshake.session is None:
        heard = channel.receive(timeout_s)
        if heard is None:
            raise PeerLost(f"the other party did not greet within {timeout_s:g} s")
        try:
            answer = handshake.take(heard)
        except QkdlabError as error:
            tell_refusal(channel, error)
            raise
        if answer is not None:
            channel.send(answer)
    return handshake.session


def tell_refusal(channel: Channel, error: QkdlabError) -> None:
    """Tell the other end the code of an abort; that of its own is not sent back."""
    if isinstance(error, SecurityAbort) and error.code is not AbortCode.PEER_ABORTED:
        with suppress(PeerLost):
            channel.send(abort_notice(error.code))


def _full_id(greetings: dict[str, bytes]) -> bytes:
    """Return the hash of two greetings, by party and in their order."""
    text = hashlib.sha256(b"qkdlab/session/2")
    for party in sorted(greetings):
        text.update(hashlib.sha256(greetings[party]).digest())
    return text.digest()
