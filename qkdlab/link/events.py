"""What a party can be told. Events carry all that a sans-IO party ever learns."""

from __future__ import annotations

from dataclasses import dataclass, field

from qkdlab.errors import AbortCode
from qkdlab.protocols.bb84 import Outcomes

__all__ = [
    "Alarm",
    "BlockEnded",
    "Detections",
    "Event",
    "MessageIn",
    "PeerLost",
    "SettingsSent",
    "Start",
]


@dataclass(frozen=True, slots=True)
class Start:
    """The block begins: the party greets its peer."""


@dataclass(frozen=True, slots=True)
class MessageIn:
    """A message arrived from the peer.

    data:           the message's bytes
    phase_verified: True when the closing tag of its phase has been verified
    """

    data: bytes = field(repr=False)
    phase_verified: bool


@dataclass(frozen=True, slots=True)
class Detections:
    """Accepted slots of one stretch of the block (to Bob, in order of time).

    outcomes:   judged slots of the stretch by pulse index; slots increase from event to
                event too. Public header slots may be among them and are left out here.
                Bob overwrites the values as soon as he has packed them
    live_slots: slots of the stretch in which a click would have been accepted, header
                slots included
    slots:      of the stretch, live or not, all of them judged; 0 where nobody counts
    """

    outcomes: Outcomes
    live_slots: int
    slots: int = 0


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """The last pulse of the block has arrived and been judged (to Bob)."""


@dataclass(frozen=True, slots=True)
class SettingsSent:
    """The last pulse of the block has left (to Alice).

    intensities: interval [lowest, highest] of the mean photon number that each
                 intensity class had at Alice's output during the block, brightest
                 class first (calibration, drift and pattern effect)
    pulses:      of the block, as the transmitter counted them; 0 where nobody does
    """

    intensities: tuple[tuple[float, float], ...]
    pulses: int = 0


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The peer went away or stopped, or the line to it failed; the block is wiped."""

    code: AbortCode = AbortCode.PEER_ABORTED


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something outside the protocol forbids key from this block (SECURITY rule 11).

    Coverage gap, lost synchronisation, detector alarm, intensity out of its interval.
    """

    code: AbortCode
    reason: str
    numbers: tuple[tuple[str, float | int | str], ...] = ()


Event = Start | MessageIn | Detections | BlockEnded | SettingsSent | PeerLost | Alarm
