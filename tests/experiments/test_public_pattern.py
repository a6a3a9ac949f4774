"""No light meets detectors or plates that Bob still brings up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from qkdlab.calibration.outcome import StepOutcome
from qkdlab_experiments.calibration import pattern


class Bench:
    """Writes down what happens, in order."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.ctx: Any = SimpleNamespace(
            roles={"attenuator": self, "transmitter": self},
            conversation=SimpleNamespace(send=self._send, receive=self._receive),
        )

    def set_shutter_open(self, is_open: bool) -> None:
        self.diary.append("light" if is_open else "dark")

    def stop(self) -> None:
        self.diary.append("still")

    def _send(self, kind: str, **fields: Any) -> None:
        self.diary.append(f"says {kind}")

    def _receive(self, kind: str) -> dict[str, Any]:
        self.diary.append(f"hears {kind}")
        return {}


def test_alice_opens_her_shutter_when_bob_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pattern, "start_pattern", lambda *_, **given: None)
    bench = Bench()
    pattern.play(bench.ctx, None, {})  # type: ignore[arg-type]
    assert bench.diary == [
        "hears receiver-waits",
        "light",
        "says public-pattern-running",
        "hears public-pattern-seen",
        "dark",
        "still",
    ]


def test_bob_waits_before_he_hears_of_light() -> None:
    bench = Bench()
    pattern.listen(bench.ctx, lambda: (StepOutcome(), {}))
    assert bench.diary == [
        "says receiver-waits",
        "hears public-pattern-running",
        "says public-pattern-seen",
    ]
