"""What a run draws before it begins: from the system, a seed, or a shared secret."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Protocol

from qkdlab.errors import ConfigError
from qkdlab.link.pad_file import Origin
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.randomness import (
    OperatingSystemRandomness,
    Randomness,
    SeededRandomness,
)
from qkdlab.security.assumptions import Assumption, Status

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.link.first_contact import FirstContact
    from qkdlab.link.tagger import Tagger

__all__ = ["PeerSecrets", "RunSecrets", "Secrets", "refuse_what_is_not_secure"]

_ORIGINS = {
    Origin.BROUGHT: (
        Status.ASSUMED,
        "the pre-shared secret is uniform and known to nobody else",
    ),
    Origin.RUN: (
        Status.ASSUMED,
        "the secret is key of an earlier run, uniform and known to nobody else if that"
        " run's key was",
    ),
    Origin.ESTIMATE: (
        Status.VIOLATED,
        "the secret is key of an earlier run that claimed no secret key",
    ),
}
_FIRST_CONTACT = (
    "computational during the first session: ML-DSA-65 signatures are not forged while"
    " it lasts, and each party has the other's public key"
)
_N_PADS = 1024
"""Tags per direction for which a fresh pre-shared secret suffices."""


class Secrets(Protocol):
    """What one party's session is given.

    session:       id of the session, 16 bytes
    configuration: hash of what both must agree on, 32 bytes
    authentication: what is to be said of the pads; None where the experiment knows
    """

    session: bytes
    configuration: bytes
    authentication: Assumption | None

    def randomness(self, party: str) -> Randomness:
        """Return the source of one party's own bits."""
        ...

    def tagger(self) -> Tagger:
        """Return what one party authenticates with; whoever takes it closes it."""
        ...


class RunSecrets:
    """Session id, pre-shared secret and the parties' randomness.

    With a seed all of them repeat, which only simulations may do; such a run can
    claim nothing (SECURITY rules 2 and 9). Other configurations have other pads even
    then; the same one gives the same run, pads included. Raises ConfigError for a
    secure run with a seed, or with settings that repeat.
    """

    authentication: Assumption | None = None

    def __init__(self, config: RunConfig) -> None:
        refuse_what_is_not_secure(config)
        self._seed = config.seed
        self.configuration = bytes.fromhex(config.hash)
        self.session = self._session_id()
        label = f"pre-shared pads {self.session.hex()}"
        common = self.randomness("both parties")
        pads = common.secret(label, 8 * pool_bytes(_N_PADS))
        self._pads = bytearray(pads.to_bytes())
        pads.wipe()

    def randomness(self, party: str) -> Randomness:
        """Return the source of one party's own bits."""
        return _randomness(self._seed, party)

    def tagger(self) -> PadPool:
        """Return one party's copy of the pads, which no file ever holds.

        They are of this run alone: what is not spent when it ends or is killed is gone
        with the process, and so nothing is left that could be spent again.
        """
        return PadPool.memory(self._pads)

    def wipe(self) -> None:
        """Overwrite the pads that the parties' copies were made of."""
        self._pads[:] = bytes(len(self._pads))

    def _session_id(self) -> bytes:
        if self._seed is None:
            return os.urandom(16)
        text = f"qkdlab/session/1|{self.configuration.hex()}|{self._seed}"
        return hashlib.sha256(text.encode()).digest()[:16]

    def __repr__(self) -> str:
        return "RunSecrets()"


class PeerSecrets:
    """What one party of two processes is given, once it has met the other.

    pool: the party's copy of the pre-shared secret, taken over; None derives pads from
          the session's id, which everybody can hear: such pads find accidents, and
          protect from nobody
    contact: the party's signatures in their place, at a first contact
    """

    def __init__(
        self,
        config: RunConfig,
        session: bytes,
        pool: PadPool | None,
        contact: FirstContact | None = None,
    ) -> None:
        self._seed = config.seed
        self.configuration = bytes.fromhex(config.hash)
        self.session = session
        self._tagger: Tagger | None = contact if pool is None else pool
        if pool is not None:
            status, note = _ORIGINS[pool.origin]
        elif contact is not None:
            status, note = Status.ASSUMED, _FIRST_CONTACT
        else:
            status, note = (
                Status.VIOLATED,
                "the pads follow from what was said in clear",
            )
        self.authentication: Assumption | None = Assumption(
            "authentication", status, note
        )

    def randomness(self, party: str) -> Randomness:
        """Return the source of this party's own bits."""
        return _randomness(self._seed, party)

    def tagger(self) -> Tagger:
        """Return what was taken over, or a pool of pads that are no secret."""
        if self._tagger is not None:
            return self._tagger
        pads = hashlib.shake_256(b"qkdlab/public pads/1" + self.session)
        return PadPool.memory(pads.digest(pool_bytes(_N_PADS)))

    def __repr__(self) -> str:
        return "PeerSecrets()"


def _randomness(seed: int | None, party: str) -> Randomness:
    if seed is None:
        return OperatingSystemRandomness()
    return SeededRandomness(seed, party)


def refuse_what_is_not_secure(config: RunConfig) -> None:
    """Hold a configuration to SECURITY rule 2 once more, however it was made."""
    if config.key_class != "secure":
        return
    if config.seed is not None:
        raise ConfigError("a secure run takes no seed")
    if getattr(config.parameters, "settings_repeat", False):
        raise ConfigError("a secure run takes no settings that repeat")
