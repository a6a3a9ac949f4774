"""Everything that one party of a run keeps on disk.

Under the run's folder: ``<party>.h5``, the run file; ``<party>/journal.bin`` and
``<party>/keys/``, readable by the owner alone. Pads are never in it: those of a run are
in memory, those of a party's own secret in the file that it was given.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from qkdlab.errors import ResourceError
from qkdlab.keys.store import KeyState, KeyStore
from qkdlab.runfile.writer import RunFileWriter
from qkdlab.session.journal import Journal

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.link.effects import Commit, KeyBlock
    from qkdlab.session.secrets import Secrets

__all__ = ["PartyFiles", "make_folder"]


def make_folder(folder: Path) -> None:
    """Make the folder of a new run.

    Raises ResourceError when it cannot be made, or already holds something: what was
    recorded once is never written over.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise ResourceError(
            f"{folder}: cannot make the run's folder: {error.strerror}"
        ) from None
    if occupied:
        raise ResourceError(
            f"{folder}: not empty, and a run never writes over another; "
            "give a new folder with --output"
        )


class PartyFiles:
    """Journal, run file and key store of one party, and what it authenticates with.

    On leaving the context the journal is folded into the run file, and the run file
    gets its name; that holds after errors, too. The journal of a secure run, which
    holds nothing secret, is removed. Keys in memory are overwritten then; on disk they
    stay as they stand: one whose peer was lost stays pending, and is never handed out.
    Raises ResourceError.
    """

    def __init__(
        self, folder: Path, party: str, config: RunConfig, secrets: Secrets
    ) -> None:
        private = folder / party
        try:
            os.mkdir(private, 0o700)
        except OSError as error:
            raise ResourceError(f"{private}: {error.strerror}") from None
        self.path = folder / f"{party}.h5"
        self._is_secure = config.key_class == "secure"
        self._held: KeyBlock | None = None
        self._are_settled = False
        self.keys: list[KeyBlock] = []
        self.journal = Journal(private / "journal.bin")
        self.pool = secrets.tagger()
        self.store = KeyStore(private / "keys")
        self.run_file = RunFileWriter(
            self.path,
            party=party,
            config=config.resolved(),
            config_hash=config.hash,
            key_class=config.key_class,
            run_id=secrets.session.hex(),
            mode="live" if config.bench == "real" else "sim",
        )

    def commit(self, effect: Commit) -> None:
        """Write a record to the journal; it is on disk when this returns.

        What is secret of it, a secure run writes nowhere: whatever kills it, nothing is
        left to be overwritten.
        """
        # both parties have gone on to this block, and so have ended those before it
        self._are_settled = True
        secret = b"" if self._is_secure else effect.secret
        self.journal.append(effect.label, effect.data + secret, secret=bool(secret))

    def hold(self, key: KeyBlock) -> None:
        """Store a key as pending: the other party may not have it."""
        self.store.put(key.key_id, key.bits, key.key_class)
        self._held = key

    def confirm(self, key: KeyBlock) -> None:
        """Store that both parties hold the key.

        A key of class lab is burned at once: all that made it is on record.
        """
        self.store.advance(key.key_id, KeyState.CONFIRMED)
        if key.key_class == "lab":
            self.store.advance(key.key_id, KeyState.BURNED)
        self._held = None
        self._are_settled = False
        self.keys.append(key)

    def give_up(self) -> None:
        """Burn the key that is pending, if there is one: its block was aborted."""
        if self._held is not None:
            self.store.advance(self._held.key_id, KeyState.BURNED)
            self._held.bits.wipe()
            self._held = None

    def burn_keys(self, newest: int | None = None) -> None:
        """Give up keys of the run: the pending one, and the newest confirmed ones.

        newest: how many of those, if a later block has committed nothing yet; what it
                commits follows from verified tags of the peer, who has ended the blocks
                before by then (docs/adr/0020). All when not given.
        """
        self.give_up()
        if newest is not None and self._are_settled:
            return
        kept = 0 if newest is None else max(len(self.keys) - newest, 0)
        for key in self.keys[kept:]:
            if self.store.get(key.key_id).state is not KeyState.BURNED:
                self.store.advance(key.key_id, KeyState.BURNED)
            key.bits.wipe()
        del self.keys[kept:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pool.close()
        self.journal.close()
        for key in [*self.keys, *([self._held] if self._held else [])]:
            key.bits.wipe()
        if error is not None:
            # On a full disk there may be no room for it; what finishing needs is kept.
            with suppress(ResourceError):
                self.run_file.result("error", f"{type(error).__name__}: {error}")
        try:
            self._finish()
        except ResourceError as failure:
            self.run_file.abandon()
            if error is None:
                raise
            error.add_note(str(failure))

    def _finish(self) -> None:
        try:
            self.run_file.finish(self.journal.path)
        finally:
            if self._is_secure:
                self.journal.destroy()
