"""One party of a run: its context, its program, what it brings home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.direction import Direction
from qkdlab.link.seal import SealedChannel
from qkdlab.randomness import RecordingRandomness
from qkdlab.security.assumptions import Status
from qkdlab.session.conversation import Conversation
from qkdlab.session.drive import Driver
from qkdlab.session.experiment import PartyContext, PartyResult, Program
from qkdlab.session.recorder import Recorder
from qkdlab.session.result import PartyOutcome

if TYPE_CHECKING:
    from qkdlab.clock import Clock
    from qkdlab.config.models import RunConfig
    from qkdlab.link.channel import Channel
    from qkdlab.link.effects import KeyBlock
    from qkdlab.progress import Report
    from qkdlab.session.files import PartyFiles
    from qkdlab.session.secrets import Secrets
    from qkdlab.station.open import Station

__all__ = ["TAMPERED", "PartySession"]

TAMPERED = frozenset(
    {
        AbortCode.AUTHENTICATION_FAILED,
        AbortCode.PROTOCOL_VIOLATION,
        AbortCode.LEDGER_MISMATCH,
    }
)
"""Reasons that put keys in doubt."""

_DIRECTIONS = {"alice": Direction.ALICE_TO_BOB, "bob": Direction.BOB_TO_ALICE}
_PATIENCE_S = 600.0


class PartySession:
    """Binds one party's files, channel and clock together for its program."""

    def __init__(
        self,
        config: RunConfig,
        party: str,
        files: PartyFiles,
        channel: Channel,
        clock: Clock,
        secrets: Secrets,
        progress: Report,
    ) -> None:
        self.party = party
        self.recorder = Recorder(files.run_file, clock.now_ps, config.key_class)
        self._config = config
        self._files = files
        self._clock = clock
        self._randomness = RecordingRandomness(
            secrets.randomness(party), self.recorder.random_bits
        )
        self._progress = progress
        self._figures: dict[str, Any] = {}
        self._authentication = secrets.authentication
        self._channel = SealedChannel(
            channel,
            direction=_DIRECTIONS[party],
            session=secrets.session,
            configuration=secrets.configuration,
            pool=files.pool,
            record=self.recorder.message,
        )
        duration_s = float(getattr(config.parameters, "duration_s", 0.0))
        self.conversation = Conversation(
            Driver(
                self._channel,
                files.commit,
                self,
                self._report,
                _PATIENCE_S + duration_s,
            ),
            session=secrets.session,
            configuration=secrets.configuration,
            key_class=config.key_class,
        )

    def record_snapshots(self, station: Station, prefix: str = "") -> None:
        """Put on record who the instruments are and how they stand."""
        for name, state in station.snapshot().items():
            self._files.run_file.snapshot(
                prefix + name, {"identity": station.identities.get(name), **state}
            )

    def run(self, program: Program, station: Station) -> None:
        """Run the party's program in the calling thread.

        An abort that the program itself decides is told to the peer by its code.
        """
        context = PartyContext(
            party=self.party,
            parameters=self._config.parameters,
            roles=station.roles,
            calibration=station.calibration,
            clock=self._clock,
            conversation=self.conversation,
            recorder=self.recorder,
            randomness=self._randomness,
            progress=self._report,
            authentication=self._authentication,
        )
        try:
            result: PartyResult = program(context)
        except SecurityAbort as abort:
            self.conversation.leave(abort)
            raise
        self._figures = dict(result.figures)

    def hear_out(self, timeout_s: float) -> None:
        """Listen to the peer's last words; see `SealedChannel.hear_out`."""
        self._channel.hear_out(timeout_s)

    def hold(self, key: KeyBlock) -> None:
        """Keep a key as pending; see `Keys`."""
        self._files.hold(key)

    def confirm(self, key: KeyBlock) -> None:
        """Take a key that both parties hold."""
        self._files.confirm(key)
        self.recorder.key(key)

    def give_up(self) -> None:
        """Burn the key of a block that was aborted."""
        self._files.give_up()

    def give_up_keys(self, abort: SecurityAbort) -> None:
        """Burn the keys that a run which somebody tampered with has put in doubt.

        That of the present block, or the newest that was confirmed while no later block
        has begun: if its last word was the one that was changed, the other party does
        not hold it. Those of earlier blocks were confirmed on both sides under verified
        tags, and what is said without a tag must not undo them (SECURITY rule 8). A
        ledger that differs, found under verified tags, puts all in doubt.
        """
        peer_code = abort.numbers.get("peer_code")
        if abort.code is AbortCode.LEDGER_MISMATCH:
            self._files.burn_keys()
        elif abort.code in TAMPERED or peer_code in TAMPERED:
            self._files.burn_keys(newest=1)

    @property
    def key_ids(self) -> list[str]:
        """Ids of the keys stored so far, in order."""
        return [key.key_id for key in self._files.keys]

    def outcome(self) -> PartyOutcome:
        """Return what the party knows by now."""
        figures = {
            **self.recorder.figures,
            **self.conversation.figures,
            **self._figures,
        }
        if "assumptions" in figures and self._authentication is not None:
            known = self._authentication.as_dict()
            figures["assumptions"] = [
                known if a["name"] == known["name"] else a
                for a in figures["assumptions"]
            ]
            if self._authentication.status is Status.VIOLATED:
                figures["claimable_secret_bits"] = 0
        return PartyOutcome(
            figures=figures,
            keys=list(self._files.keys),
            auth_bits_spent=self._channel.auth_bits_spent,
            epsilon_authentication=self._channel.epsilon_authentication,
            run_file=self._files.path,
        )

    def _report(self, what: str, done: float, total: float) -> None:
        self._progress(f"{self.party}: {what}", done, total)
