"""Whole runs of packaged benches, and their replay: the rows `run` and `replay`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qkdlab.cli.figure import Figure

if TYPE_CHECKING:
    from qkdlab.progress import Report
    from qkdlab.session.run import Outcome

__all__ = ["TagsWatch", "replay", "run"]

_TAGS = "bob: tags (s of link time)"


class TagsWatch:
    """Watches a run's progress: how fast photons become tags on disk and sifted slots.

    What was said first and last of the tags of a key block counts; start, calibration
    and distillation lie outside. CPU time is that of all threads of the process.
    """

    def __init__(self) -> None:
        self._marks: list[tuple[float, float, float]] = []

    def __call__(self, what: str, done: float, total: float) -> None:
        """Take note where it is about tags."""
        if what == _TAGS:
            self._marks.append((done, time.perf_counter(), time.process_time()))

    def figures(self) -> dict[str, float]:
        """Return link time, and wall and CPU time that it took, in s.

        Raises ValueError where fewer than two pieces of a block were told.
        """
        if len(self._marks) < 2:
            raise ValueError("the run told nothing of its tags")
        first, last = self._marks[0], self._marks[-1]
        names = ("link_s", "wall_s", "cpu_s")
        return dict(
            zip(names, (b - a for a, b in zip(first, last, strict=True)), strict=True)
        )


def run() -> list[Figure]:
    """Measure 10 s of link time of two benches, JIT cache warm.

    `bb84_10s` is the whole run, `bb84_1ghz_10s_tags` how many times faster than real
    time photons become tags on disk and sifted slots while the light is on.

    Raises what ended a run without a key: its time would say nothing.
    """
    link_s = 10.0
    _outcome("bb84", "parameters.duration_s=1.0")
    begin_s = time.perf_counter()
    _outcome("bb84", f"parameters.duration_s={link_s}")
    measured = time.perf_counter() - begin_s
    watch = TagsWatch()
    _outcome("bb84_1ghz", f"parameters.duration_s={link_s}", report=watch)
    found = watch.figures()
    speed = found["link_s"] / found["wall_s"]
    what = "link time per wall time that keeps up"
    return [
        Figure("run", "bb84_10s", measured, "s", "link time in s", link_s),
        Figure("run", "bb84_1ghz_10s_tags", speed, "x real time", what, 1.0, found),
    ]


def replay() -> list[Figure]:
    """Measure the replay of a run of the reference bench, beside that run.

    Raises what ended the run without a key, and VerifyError when the replay differs.
    """
    from qkdlab.errors import VerifyError
    from qkdlab.session.replay import replay as replay_session

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        outcome = _outcome("bb84", folder=folder)
        replayed = replay_session(folder, [], lambda *_: None)
    if replayed.difference is not None:
        raise VerifyError(replayed.difference)
    took, before = replayed.result["wall_s"], outcome.result["wall_s"]
    return [Figure("replay", "bb84_10s", took, "s", "the run itself in s", before)]


def _outcome(
    name: str,
    *changes: str,
    report: Report = lambda *_: None,
    folder: Path | None = None,
) -> Outcome:
    """Run a packaged bench with seed 7; keep its files in `folder`, if any.

    Raises what ended it.
    """
    from qkdlab.config.load import load
    from qkdlab.session.run import run as run_session

    config = load(name, overrides=["seed=7", *changes])
    with tempfile.TemporaryDirectory() as spare:
        outcome = run_session(config, folder or Path(spare) / "run", report)
    if outcome.error is not None:
        raise outcome.error
    return outcome
