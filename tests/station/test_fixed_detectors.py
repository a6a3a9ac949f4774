"""Detectors that no instrument sets, counted by the tagger behind them."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.roles import TaggerCapabilities
from qkdlab.station.composites.build import build
from qkdlab.station.composites.fixed_detectors import FixedDetectors
from qkdlab.timetags.block import TagBlock


class Tagger:
    """Gives the same tags in every acquisition."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.heard: list[tuple[str, float]] = []

    def tagger_capabilities(self) -> TaggerCapabilities:
        return TaggerCapabilities(4, 1, 5e6, has_reference=True)

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        self.heard.append(("start", predicted_rate_hz))
        assert reference_period_ps == 0

    def read(self, duration_ps: int) -> TagBlock:
        self.heard.append(("read", duration_ps))
        if self.fails:
            raise TimeoutError
        ch = np.array([0, 2, 2, 3, 2], np.uint8)
        return TagBlock(np.arange(5, dtype=np.int64), ch, 0, duration_ps)

    def stop(self) -> None:
        self.heard.append(("stop", 0.0))


def made(tagger: Tagger) -> FixedDetectors:
    fields = {"tagger": "tagger", "n_detectors": 4}
    return build("fixed_detectors", fields, {"tagger": tagger}, None)  # type: ignore[arg-type,no-any-return]


def test_rates_are_the_tags_of_each_input_over_the_time() -> None:
    tagger = Tagger()
    assert made(tagger).count_rates_hz(0.5) == [2.0, 0.0, 6.0, 2.0]
    assert [name for name, _ in tagger.heard] == ["start", "read", "stop"]


def test_an_acquisition_that_fails_is_ended() -> None:
    tagger = Tagger(fails=True)
    with pytest.raises(TimeoutError):
        made(tagger).count_rates_hz(0.5)
    assert tagger.heard[-1][0] == "stop"


def test_they_say_that_nothing_can_be_set() -> None:
    detectors = made(Tagger())
    assert detectors.bias_capabilities().is_fixed
    detectors.set_bias_ua([1.0] * 4)
    detectors.set_enabled(False)
    detectors.safe_state()
    assert detectors.get_bias_ua() == detectors.get_voltages_mv() == [0.0] * 4
