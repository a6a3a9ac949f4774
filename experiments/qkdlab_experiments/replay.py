"""Key blocks gone through again: the same parties and code, from the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import UsageError
from qkdlab.link.claimed import Claim
from qkdlab.link.estimate import CLAIMED
from qkdlab.link.events import BlockEnded, Detections, SettingsSent
from qkdlab.protocols.symbols import (
    CyclicPattern,
    SymbolSource,
    basis_of,
    intensity_of,
    is_header,
)
from qkdlab.session.exchange import Side
from qkdlab_experiments.acquisition import OnRecord
from qkdlab_experiments.active_parameters import active
from qkdlab_experiments.block_arms import recorded_arms
from qkdlab_experiments.blocks_alice import alice_party
from qkdlab_experiments.blocks_bob import bob_party
from qkdlab_experiments.claim_record import ClaimTerms, claim_of
from qkdlab_experiments.detections import detections
from qkdlab_experiments.frame import block_plan
from qkdlab_experiments.key_pattern import FreshKey
from qkdlab_experiments.key_slots import find_key_slots
from qkdlab_experiments.parameters import Bb84Parameters

if TYPE_CHECKING:
    from qkdlab.session.recorded import RecordedBlock

__all__ = ["replay_alice", "replay_bob"]


def replay_alice(block: RecordedBlock) -> Side:
    """Return Alice with what she sent.

    Raises UsageError when the parameters are not of what was sent: that cannot change.
    """
    p = cast("Bb84Parameters", block.parameters)
    sent = block.settings
    source = None if sent is None else _source(sent, p, block)
    if source is None:
        raise UsageError(
            "the parameters do not fit the pattern that was sent; a re-analysis can "
            "change how it is received and distilled only"
        )

    def events() -> Iterator[SettingsSent]:
        if "intensities" not in block.facts:
            raise block.abort()
        low_high = block.fact("intensities")
        yield SettingsSent(
            tuple((float(low), float(high)) for low, high in low_high),
            int(block.facts.get("pulses_sent", 0)),
        )

    mismatch = _mismatch(block)
    claim = _claim(p, block)
    party = alice_party(
        p,
        block,
        block.randomness,
        block.number,
        source,
        mismatch,
        claim,
        float(block.facts.get("round_trip_s", 0.0)),
    )
    return Side(party, events())


def replay_bob(block: RecordedBlock) -> Side:
    """Return Bob with the tags that he took; slots are found and judged anew.

    Raises SecurityAbort when no slots are found.
    """
    p = cast("Bb84Parameters", block.parameters)
    receiver = OnRecord(block.receiver(), block)
    delays_ps, arrival_ps = block.fact("delays_ps"), block.facts.get("arrival_ps")
    fit, already = find_key_slots(receiver, p, delays_ps, arrival_ps)
    arms = recorded_arms(p, block, receiver.channels)

    def events() -> Iterator[Detections | BlockEnded]:
        randomness, number = block.randomness, block.number
        yield from detections(
            receiver, p, randomness, number, fit, already, _ignore, arms
        )
        yield BlockEnded()

    mismatch, claim = _mismatch(block), _claim(p, block)
    party = bob_party(p, block, block.randomness, block.number, mismatch, claim)
    return Side(party, events())


def _source(
    sent: NDArray[np.uint8], p: Bb84Parameters, block: RecordedBlock
) -> SymbolSource | None:
    """Return the settings that were sent; None where the parameters do not fit."""
    if not p.settings_from_generator:
        return CyclicPattern(sent) if _fits(sent, p) else None
    if sent.size != FreshKey.SIZE:
        return None
    pattern = FreshKey(sent, p)
    return pattern.source(p, {"first_pulse": block.facts.get("first_pulse", 0)})


def _fits(frame: NDArray[np.uint8], p: Bb84Parameters) -> bool:
    """Tell whether a pattern is one of those that the parameters stand for."""
    plan = block_plan(p, "demonstration")
    body = frame[~is_header(frame)]
    if frame.size != plan.symbols or frame.size - body.size != plan.header_symbols:
        return False
    place = basis_of(body) * np.int64(plan.n_intensities) + intensity_of(body)
    counts = np.bincount(place, minlength=len(plan.composition))
    return tuple(counts.tolist()) == plan.composition


def _mismatch(block: RecordedBlock) -> tuple[float, float]:
    value, uncertainty = block.fact("efficiency_mismatch")
    return float(value), float(uncertainty)


def _claim(p: Bb84Parameters, block: RecordedBlock) -> Claim | None:
    if p.theorem not in CLAIMED:
        return None
    terms = ClaimTerms.of(block.fact("claim"))
    claim = claim_of(active(p), block, block.randomness, block.number, terms)
    claim.order = [str(word) for word in block.facts.get("claim_order", [])]
    return claim


def _ignore(done: Any) -> None:
    pass
