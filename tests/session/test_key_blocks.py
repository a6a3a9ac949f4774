"""Several key blocks in one run: each with a key or its own reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.keys.store import KeyStore
from qkdlab.link.totals import total_figures
from qkdlab.runfile.reader import open_run
from qkdlab.session.blocks import BLOCK_CODES, run_blocks

pytestmark = [pytest.mark.xdist_group("quick"), pytest.mark.timeout(600)]


def test_an_aborted_block_ends_alone(blocks_run: Any) -> None:
    codes = [(b["aborted"] or {}).get("code") for b in blocks_run.result["blocks"]]
    assert codes == [None, "qber-above-limit", None]
    assert blocks_run.exit_code == 0
    assert blocks_run.result["aborted"] is None


def test_both_parties_hold_a_key_of_every_other_block(blocks_run: Any) -> None:
    stores = [KeyStore(blocks_run.folder / p / "keys") for p in ("alice", "bob")]
    alice, bob = ({k.key_id: k.bits for k in store} for store in stores)
    assert alice == bob
    assert len(alice) == 2
    assert blocks_run.result["keys_match"] is True


def test_the_figures_are_sums_over_the_blocks_with_key(blocks_run: Any) -> None:
    result = blocks_run.result
    first, _, last = result["blocks"]
    for name in ("sifted_bits", "leaked_bits", "secret_bits"):
        assert result[name] == first[name] + last[name]
    assert result["pulses"] == sum(b["pulses"] for b in result["blocks"])
    assert result["duration_s"] == pytest.approx(3 * 0.008)
    sent, sifted = result["counts"]["sent"]["X"], result["counts"]["sifted"]["X"]
    assert result["gains"]["X"]["signal"] == sifted["signal"] / sent["signal"]


def test_every_block_has_settings_of_its_own(blocks_run: Any) -> None:
    with open_run(blocks_run.folder / "alice.h5") as file:
        frames = [bytes(file.settings(f"block-{n}")) for n in range(3)]
    assert len(set(frames)) == 3


def test_after_a_trip_the_detectors_recover_and_the_next_block_gives_key(
    tripped_run: Any,
) -> None:
    codes = [(b["aborted"] or {}).get("code") for b in tripped_run.result["blocks"]]
    assert codes == ["detector-alarm", None]
    assert tripped_run.result["keys_match"] is True
    with open_run(tripped_run.folder / "bob.h5") as file:
        series = file.monitors()
    assert series["interlock_trips"][1].tolist() == [1.0]
    assert series["recovery_attempts"][1].tolist() == [1.0]


def test_no_tag_is_taken_between_a_trip_and_the_next_block(tripped_run: Any) -> None:
    with open_run(tripped_run.folder / "bob.h5") as file:
        first, last = (file.key_blocks()[f"block-{n}"] for n in (0, 1))
    assert 0 < first["end_tag_block"] == last["first_tag_block"]
    assert "key_sha256" not in first
    assert "key_sha256" in last


def test_a_run_of_one_block_tells_of_one(lab_run: Any) -> None:
    (block,) = lab_run.result["blocks"]
    for name, value in block.items():
        if name not in ("block", "transcript_sha256"):
            assert lab_run.result[name] == value


@dataclass
class Talk:
    """A conversation with a peer that ends every block for `theirs`."""

    theirs: AbortCode | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)

    def end_block(self, block: int, abort: SecurityAbort, codes: Any) -> AbortCode:
        self.ended.append(block)
        return abort.code if abort.code in codes else self.theirs


@dataclass
class Notes:
    def begin_block(self, block: int) -> None: ...
    def end_block(self, figures: Any) -> None: ...


@dataclass
class Context:
    conversation: Talk = field(default_factory=Talk)
    recorder: Notes = field(default_factory=Notes)


def blocks_that_abort(codes: list[AbortCode | None], **peer: Any) -> tuple[Any, Any]:
    """Run blocks that end with these codes; return the context and what was dark."""
    ctx: Any = Context(Talk(**peer))
    dark = []

    def one_block(block: int) -> None:
        code = codes[block]
        if code is not None:
            raise SecurityAbort(code, "as the test wants")
        ctx.conversation.figures = {"secret_bits": 5, "pulses": 10}

    run_blocks(
        ctx,
        len(codes),
        one_block,
        go_dark=lambda: dark.append(1),
        between_blocks=lambda ctx, report: None,
    )
    return ctx, dark


@pytest.mark.parametrize("code", sorted(set(AbortCode) - BLOCK_CODES))
def test_what_puts_the_link_in_doubt_ends_the_run(code: AbortCode) -> None:
    with pytest.raises(SecurityAbort) as caught:
        blocks_that_abort([code, None])
    assert caught.value.code is code


@pytest.mark.parametrize("code", sorted(BLOCK_CODES))
def test_what_the_pulses_showed_ends_the_block(code: AbortCode) -> None:
    ctx, dark = blocks_that_abort([code, None])
    assert ctx.conversation.ended == [0]
    assert len(dark) == 1


def test_a_run_without_any_key_ends_with_the_last_reason() -> None:
    with pytest.raises(SecurityAbort) as caught:
        blocks_that_abort([AbortCode.SYNC_LOST, AbortCode.QBER_ABOVE_LIMIT])
    assert caught.value.code is AbortCode.QBER_ABOVE_LIMIT


def test_the_only_block_ends_the_run_as_it_is() -> None:
    with pytest.raises(SecurityAbort, match="as the test wants"):
        blocks_that_abort([AbortCode.QBER_ABOVE_LIMIT])


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=6))
def test_totals_add_up(lengths: list[int]) -> None:
    blocks = [
        {"secret_bits": n, "pulses": 2 * n, "counts": {"sent": {"X": {"signal": n}},
         "sifted": {"X": {"signal": n}}, "errors": {"X": {"signal": 0}}},
         "live_slots": n, "sifted_bits": n}
        for n in lengths
    ]  # fmt: skip
    totals = total_figures(blocks)
    assert totals["secret_bits"] == sum(lengths)
    assert totals["pulses"] == 2 * sum(lengths)
    assert totals["qber_x"] == 0
    assert totals["live_fraction"] == 0.5


def test_what_stands_against_a_claim_stands_against_the_sum() -> None:
    block: dict[str, Any] = {"secret_bits": 5, "claim": "estimate", "violated": ["x"]}
    assert total_figures([block] * 2)["violated"] == ["x"]


@pytest.mark.parametrize("order", [1, -1])
def test_one_block_without_a_claim_makes_the_sum_an_estimate(order: int) -> None:
    note = {"name": "a", "note": ""}
    claim: dict[str, Any] = {
        "secret_bits": 5,
        "claim": "claim",
        "violated": [],
        "assumptions": [{**note, "status": "met"}],
    }
    other = {
        "secret_bits": 5,
        "claim": "estimate",
        "violated": ["x"],
        "assumptions": [{**note, "status": "violated"}],
    }
    total = total_figures([claim, other, claim][::order])
    assert total["claim"] == "estimate"
    assert total["violated"] == ["x"]
    assert [a["status"] for a in total["assumptions"]] == ["violated"]
    assert total_figures([claim] * 2)["claim"] == "claim"


@pytest.mark.parametrize("n_keys", [0, 1, 2])
def test_blocks_without_key_count_in_epsilon(n_keys: int) -> None:
    aborted: dict[str, Any] = {"aborted": {"code": "qber"}, "epsilon": {"secrecy": 0.1}}
    good: dict[str, Any] = {
        "aborted": None,
        "secret_bits": 5,
        "epsilon": {"secrecy": 0.1, "correctness": 0.01},
    }
    epsilon = total_figures([good] * n_keys + [aborted] * 3)["epsilon"]
    assert epsilon["secrecy"] == pytest.approx(0.1 * (n_keys + 3))
    assert epsilon.get("correctness", 0.0) == pytest.approx(0.01 * n_keys)


def test_epsilon_is_no_more_than_one() -> None:
    block: dict[str, Any] = {"aborted": None, "epsilon": {"secrecy": 0.4}}
    assert total_figures([block] * 3)["epsilon"] == {"secrecy": 1.0}
