"""What a run in one process draws before it begins: from the system, or a seed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from qkdlab.errors import ConfigError
from qkdlab.link.pool import pool_bytes
from qkdlab.randomness import (
    OperatingSystemRandomness,
    Randomness,
    SeededRandomness,
)

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig

__all__ = ["RunSecrets"]

_N_PADS = 1024
"""Tags per direction for which a fresh pre-shared secret suffices."""


class RunSecrets:
    """Session id, pre-shared secret and the parties' randomness.

    With a seed all of them repeat, which only simulations may do; such a run can
    claim nothing (SECURITY rules 2 and 9). Other configurations have other pads even
    then; the same one gives the same run, pads included. Raises ConfigError for a
    secure run with a seed, or with settings that repeat.
    """

    def __init__(self, config: RunConfig) -> None:
        _refuse_what_is_not_secure(config)
        self._seed = config.seed
        self.configuration = bytes.fromhex(config.hash)
        self.session = self._session_id()
        label = f"pre-shared pads {self.session.hex()}"
        common = self.randomness("both parties")
        self.pads = common.secret(label, 8 * pool_bytes(_N_PADS)).to_bytes()

    def randomness(self, party: str) -> Randomness:
        """Return the source of one party's own bits."""
        if self._seed is None:
            return OperatingSystemRandomness()
        return SeededRandomness(self._seed, party)

    def _session_id(self) -> bytes:
        if self._seed is None:
            return os.urandom(16)
        text = f"qkdlab/session/1|{self.configuration.hex()}|{self._seed}"
        return hashlib.sha256(text.encode()).digest()[:16]

    def __repr__(self) -> str:
        return "RunSecrets()"


def _refuse_what_is_not_secure(config: RunConfig) -> None:
    """Hold a configuration to SECURITY rule 2 once more, however it was made."""
    if config.key_class != "secure":
        return
    if config.seed is not None:
        raise ConfigError("a secure run takes no seed")
    if getattr(config.parameters, "settings_repeat", False):
        raise ConfigError("a secure run takes no settings that repeat")
