"""How fast a run's light becomes tags, by what it tells of itself."""

from __future__ import annotations

import time

import pytest
import quick_bench

import qkdlab.session.run
from qkdlab.cli import benchmark_runs
from qkdlab.cli.benchmark_runs import TagsWatch
from qkdlab.config.load import load
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.session.run import Outcome, run


def test_the_stretch_between_first_and_last_tags_counts():
    watch = TagsWatch()
    watch("bob: calibration: delays", 3, 10)
    watch("bob: tags (s of link time)", 0.25, 2.0)
    begin_s = time.perf_counter()
    watch("alice: reconcile", 0, 1)
    time.sleep(0.01)
    took_s = time.perf_counter() - begin_s
    watch("bob: tags (s of link time)", 2.0, 2.0)
    watch("bob: reconcile", 0, 1)
    found = watch.figures()
    assert found["link_s"] == 1.75
    assert took_s <= found["wall_s"]
    assert found["cpu_s"] >= 0.0


def test_a_run_that_tells_nothing_of_tags_is_not_measured():
    watch = TagsWatch()
    watch("bob: tags (s of link time)", 0.25, 2.0)
    with pytest.raises(ValueError, match="nothing of its tags"):
        watch.figures()


def test_a_run_that_ends_without_a_key_is_no_figure(monkeypatch):
    abort = SecurityAbort(AbortCode.SYNC_LOST, "slip")
    monkeypatch.setattr(qkdlab.session.run, "run", lambda *_: Outcome({}, abort))
    with pytest.raises(SecurityAbort):
        benchmark_runs.run()


@pytest.mark.xdist_group("quick")
def test_a_run_tells_of_its_tags_in_these_words(monkeypatch, tmp_path):
    quick_bench.install(monkeypatch.setattr)
    file = quick_bench.config_file(tmp_path, "demonstration")
    config = load(file, overrides=["seed=5"])
    watch = TagsWatch()
    assert run(config, tmp_path / "run", watch).error is None
    assert 0.0 < watch.figures()["link_s"] <= config.parameters.duration_s
