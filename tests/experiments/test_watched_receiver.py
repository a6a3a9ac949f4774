"""What goes on record of the detectors while tags are taken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.block import TagBlock
from qkdlab_experiments import blocks_bob
from qkdlab_experiments.watched_receiver import WatchedReceiver

MS_PS = 1_000_000_000
CHANNELS = ((0, 0), (0, 1))


class FakeReceiver:
    """Three tags in channel 0 and one in channel 1, each millisecond."""

    channels = CHANNELS

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        self.position_ps = 0
        self.alarm: SecurityAbort | None = None

    def read(self, duration_ps: int) -> TagBlock:
        if self.alarm is not None:
            raise self.alarm
        begin, end = self.position_ps, self.position_ps + duration_ps
        self.position_ps = end
        t = np.arange(begin, end, MS_PS // 4)
        ch = (np.arange(t.size) % 4 == 3).astype(np.uint8)
        return TagBlock(t, ch, begin, end)

    def stop(self) -> None: ...


class FakeDetectors:
    def get_bias_ua(self) -> list[float]:
        return [20.0, 21.0]

    def get_voltages_mv(self) -> list[float]:
        return [7.0, 8.0]


class Series:
    """A recorder of monitor series."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}
        self.secret: set[str] = set()

    def monitor(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def secret_monitor(self, name: str, value: float) -> None:
        self.secret.add(name)
        self.monitor(name, value)


def watched() -> tuple[Any, FakeReceiver, Series]:
    receiver, series = FakeReceiver(), Series()
    roles = {"receiver": receiver, "detectors": FakeDetectors()}
    ctx: Any = SimpleNamespace(roles=roles, recorder=series)
    watching = WatchedReceiver(ctx)
    watching.start(800, 1e6)
    return watching, receiver, series


@pytest.mark.parametrize(("piece_ms", "samples"), [(20, 6), (300, 10), (1000, 3)])
def test_half_a_second_at_most_lies_between_samples_or_a_piece(piece_ms, samples):
    watching, _, series = watched()
    for _ in range(3000 // piece_ms):
        watching.read(piece_ms * MS_PS)
    assert len(series.values["total_tag_rate_hz"]) == samples


def test_rates_are_of_all_tags_since_the_sample_before():
    watching, _, series = watched()
    for _ in range(26):
        watching.read(20 * MS_PS)
    assert series.values["tag_rate_hz/0"] == pytest.approx([3000.0, 3000.0])
    assert series.values["tag_rate_hz/1"] == pytest.approx([1000.0, 1000.0])
    assert series.values["total_tag_rate_hz"] == pytest.approx([4000.0, 4000.0])


def test_bias_and_voltage_are_of_each_detector():
    watching, _, series = watched()
    watching.read(20 * MS_PS)
    assert [series.values[f"snspd_bias_ua/{d}"] for d in (0, 1)] == [[20.0], [21.0]]
    assert [series.values[f"snspd_voltage_mv/{d}"] for d in (0, 1)] == [[7.0], [8.0]]


def test_what_one_detector_counts_is_secret():
    watching, _, series = watched()
    watching.read(20 * MS_PS)
    assert series.secret == {"tag_rate_hz/0", "tag_rate_hz/1"}


def test_the_next_acquisition_begins_anew():
    watching, _, series = watched()
    watching.read(20 * MS_PS)
    watching.start(800, 1e6)
    watching.read(10 * MS_PS)
    assert series.values["total_tag_rate_hz"] == pytest.approx([4000.0, 4000.0])


def test_each_trip_is_on_record():
    watching, receiver, series = watched()
    for _ in range(2):
        watching.start(800, 1e6)
        receiver.alarm = SecurityAbort(AbortCode.DETECTOR_ALARM, "latched")
        with pytest.raises(SecurityAbort):
            watching.read(MS_PS)
    assert series.values["interlock_trips"] == [1.0, 1.0]


def test_what_is_no_alarm_is_no_trip():
    watching, receiver, series = watched()
    receiver.alarm = SecurityAbort(AbortCode.COVERAGE_GAP, "lost")
    with pytest.raises(SecurityAbort):
        watching.read(MS_PS)
    assert "interlock_trips" not in series.values


def test_a_trip_at_the_end_of_an_acquisition_is_on_record():
    watching, receiver, series = watched()

    def stop() -> None:
        raise SecurityAbort(AbortCode.DETECTOR_ALARM, "detector 0 has latched", {})

    receiver.stop = stop  # type: ignore[method-assign]
    with pytest.raises(SecurityAbort):
        watching.stop()
    assert series.values["interlock_trips"] == [1.0]


def test_no_block_ends_well_when_a_detector_is_ill_at_its_end(monkeypatch):
    """What makes a voltage once a second enough: the guard's last word comes first."""
    said: list[object] = []

    class IllAtTheEnd:
        def stop(self) -> None:
            raise SecurityAbort(AbortCode.DETECTOR_ALARM, "detector 0 has latched", {})

    def no_detections(*_: object) -> Any:
        yield "tags"
        return None

    monkeypatch.setattr(blocks_bob, "detections", no_detections)
    ctx: Any = SimpleNamespace(parameters=None, randomness=None)
    arms: Any = SimpleNamespace(found=lambda *_: None)
    ill: Any = IllAtTheEnd()
    events = blocks_bob._events(ctx, ill, 0, cast(Any, None), [], arms)
    with pytest.raises(SecurityAbort):
        said.extend(events)
    assert said == ["tags"]
