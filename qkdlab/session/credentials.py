"""The files with which a party of two processes shows who it is.

Either a pre-shared secret, or an identity and the peer's public key for a first
contact, or nothing. What is used is what was given: nothing ever falls back from one to
another. The keys of a run can become the secret of later ones.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qkdlab.errors import ResourceError, UsageError
from qkdlab.keys.store import KeyState
from qkdlab.link.first_contact import FirstContact
from qkdlab.link.high_water import mark_path
from qkdlab.link.identity import Identity, PublicIdentity
from qkdlab.link.pad_file import Origin
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.session.secrets import refuse_what_is_not_secure

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.session.files import PartyFiles

__all__ = ["Credentials"]

_LEAST_PADS = 64
"""Tags per direction that a new secret must have: a short session's."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a party is given.

    secret:     file of the pre-shared pads
    identity, trust: at a first contact: file of the party's identity, and of the peer's
                public key
    new_secret: file that the keys of the run are written to, as a secret of later runs
    """

    secret: Path | None = None
    identity: Path | None = None
    trust: Path | None = None
    new_secret: Path | None = None

    @property
    def is_nothing(self) -> bool:
        """True when the peer will not be known."""
        return self.secret is None and self.identity is None

    def open(
        self, config: RunConfig, party: str, peer: str, stack: ExitStack
    ) -> tuple[PadPool | None, FirstContact | None]:
        """Return the pads or the means of a first contact; neither where none is given.

        Raises UsageError for files that do not go together, or not with the class of
        the run, ConfigError as `refuse_what_is_not_secure`, ResourceError and
        VerifyError for what is in them.
        """
        refuse_what_is_not_secure(config)
        self._check(config)
        if self.secret is not None:
            pool = PadPool.open(self.secret, party)
            stack.callback(pool.close)
            return pool, None
        if self.identity is not None and self.trust is not None:
            mine, theirs = (
                Identity.open(self.identity),
                PublicIdentity.read(self.trust),
            )
            if mine.public == theirs:
                raise UsageError(
                    f"{self.trust}: is this party's own public key; --trust takes that "
                    f"of {peer}"
                )
            return None, FirstContact(party, peer, mine, theirs)
        return None, None

    def keep(self, party: str, files: PartyFiles, claimable_bits: int = 0) -> int:
        """Make the keys of a run that has ended well a secret; return their bits.

        claimable_bits: of all these keys; the secret knows whether it is less than all

        In the store they are delivered before they are written as pads, so that they
        never are both. Without `new_secret` nothing happens. Raises ResourceError.
        """
        if self.new_secret is None:
            return 0
        pieces = []
        for key in files.keys:
            whole = key.length // 8
            pieces.append(key.bits.to_bytes()[:whole])
        secret = b"".join(pieces)
        if len(secret) < pool_bytes(_LEAST_PADS):
            raise ResourceError(
                f"{self.new_secret}: not made: the run's keys have {8 * len(secret)} "
                f"bits, and a secret of {_LEAST_PADS} pads takes "
                f"{8 * pool_bytes(_LEAST_PADS)}; run longer"
            )
        for key in files.keys:
            files.store.advance(key.key_id, KeyState.DELIVERED)
        n_bits = sum(key.length for key in files.keys)
        origin = Origin.RUN if claimable_bits >= n_bits else Origin.ESTIMATE
        PadPool.create(self.new_secret, secret, party, origin).close()
        return n_bits

    def _check(self, config: RunConfig) -> None:
        if (self.identity is None) != (self.trust is None):
            raise UsageError(
                "a first contact wants --identity FILE and --trust FILE.pub, the "
                "public key of the other party"
            )
        if self.secret is not None and self.identity is not None:
            raise UsageError(
                "parties who share a secret make no first contact: give --secret, or "
                "--identity and --trust"
            )
        if config.key_class == "secure" and self.is_nothing:
            raise UsageError(
                "a secure run needs the pre-shared secret: give --secret FILE, or "
                "--identity FILE and --trust FILE.pub for a first contact"
            )
        if self.new_secret is None:
            return
        if config.key_class != "secure":
            raise UsageError(
                f"--new-secret: keys of class {config.key_class} are no secret; only a "
                "run of class secure makes one"
            )
        for path in (self.new_secret, mark_path(self.new_secret)):
            if path.exists():
                raise UsageError(f"{path}: exists; --new-secret takes a new file")
