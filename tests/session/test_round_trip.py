"""The round trip between the parties, and the method that follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from session.conftest import Made, make_run, silent
from session.two_parties import Pair, install

import qkdlab_experiments.blocks_alice
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.session.replay import replay
from qkdlab.session.round_trip import (
    TIMES,
    answer_round_trips,
    measure_round_trip_s,
)

AUTO = "parameters.distillation.reconciliation=auto"


def auto_run(folder: Path) -> Made:
    return make_run(folder, "demonstration", "seed=5", AUTO)


class Steps:
    """A clock that shows what it is told, and a peer that answers at once."""

    def __init__(self, *shows_ps: int) -> None:
        self._shows_ps = iter(shows_ps)
        self.said: list[str] = []

    def now_ps(self) -> int:
        return next(self._shows_ps)

    def send(self, kind: str) -> None:
        self.said.append(f"say {kind}")

    def receive(self, kind: str) -> dict[str, Any]:
        self.said.append(f"hear {kind}")
        return {}


def test_the_shortest_of_a_few_counts() -> None:
    both: Any = Steps(0, 9 * 10**12, 10**13, 10**13 + 2 * 10**9, 2 * 10**13, 3 * 10**13)
    assert measure_round_trip_s(both, both) == pytest.approx(2e-3)
    assert both.said == ["say round-trip", "hear round-trip"] * TIMES


def test_each_is_answered() -> None:
    both: Any = Steps()
    answer_round_trips(both)
    assert both.said == ["hear round-trip", "say round-trip"] * TIMES


def test_over_a_line_it_takes_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = install(monkeypatch)
    play, taken_s = programs["alice"], []

    def alice(ctx: PartyContext[Any]) -> PartyResult:
        taken_s.append(measure_round_trip_s(ctx.conversation, ctx.clock))
        return play(ctx)

    def bob(ctx: PartyContext[Any]) -> PartyResult:
        answer_round_trips(ctx.conversation)
        return play(ctx)

    programs |= {"alice": alice, "bob": bob}
    Pair(tmp_path).both()
    assert 0 < taken_s[0] < 10


@pytest.mark.usefixtures("quick")
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("quick")
class TestRuns:
    def test_in_one_process_there_is_none_and_runs_are_alike(
        self, tmp_path: Path
    ) -> None:
        runs = []
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            runs.append(auto_run(folder))
        one, other = (made.result for made in runs)
        assert one["reconciliation_method"] == "cascade"
        assert [b["transcript_sha256"] for b in one["blocks"]] == [
            b["transcript_sha256"] for b in other["blocks"]
        ]
        assert replay(runs[0].folder, (), silent).difference is None

    def test_a_replay_chooses_by_the_round_trip_on_record(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slow(conversation: Any, clock: Any) -> float:
            return measure_round_trip_s(conversation, clock) + 0.3

        at = qkdlab_experiments.blocks_alice
        monkeypatch.setattr(at, "measure_round_trip_s", slow)
        made = auto_run(tmp_path)
        assert made.result["reconciliation_method"] == "cascade-far"
        replayed = replay(made.folder, (), silent)
        assert replayed.difference is None
        assert replayed.result["identical"] is True

    def test_a_re_analysis_of_a_run_without_one_takes_none(self, lab_run: Made) -> None:
        (block,) = replay(lab_run.folder, (AUTO,), silent).result["blocks"]
        assert block["reconciliation_method"] == "cascade"
