"""Rules of clock, laser, frame marks and the channel's loss."""

from __future__ import annotations

from typing import Any

import fake_bench
import pytest

from qkdlab.problems import Problem
from qkdlab.wiring.rules import check

ALICE, BOB = "parties.alice.instruments", "parties.bob.instruments"
LINE = "parties.channel.instruments.attenuator.options"
CLOCK_DBM = "parameters.calibration.source.clock_power_dbm"
THRESHOLD = "wiring.parts.sync_delay.trigger_threshold_v"
START = f"{BOB}.tagger.options.start"


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: Any) -> None:
    fake_bench.install(monkeypatch)


def found_at(place: str, *overrides: str) -> Problem:
    """Return the only problem at `place`."""
    found = check(fake_bench.bench(*overrides))
    (problem,) = [p for p in found if ".".join(map(str, p.path)) == place]
    return problem


def cable(target: str) -> int:
    """Return the place in the list of cables of the one that ends at `target`."""
    cables = fake_bench.bench().wiring.cables
    return next(i for i, c in enumerate(cables) if c.target == target)


@pytest.mark.parametrize(
    ("override", "place", "words"),
    [
        (
            f"{CLOCK_DBM}=7.5",
            CLOCK_DBM,
            "7.5 dBm of it at 'pulse_former', which makes no pulses below 8 dBm",
        ),
        (f"{CLOCK_DBM}=18.0", CLOCK_DBM, "18 dBm; alice.clock gives 16.5 dBm"),
        (
            "wiring.parts.pulse_former.centre_hz=80.0e6",
            "wiring.parts.pulse_former.centre_hz",
            "made for 8e+07 Hz within 0.002, but 'clock' gives 1e+08 Hz",
        ),
        (
            f"{ALICE}.laser.options.current_limit_ma=120.0",
            f"{ALICE}.laser.options.current_limit_ma",
            "120 mA, but 'laser' bears 80 mA by its label; lower it",
        ),
        (
            f"{ALICE}.laser.options.current_limit_ma=11.0",
            f"{ALICE}.laser.options.current_limit_ma",
            "begins to lase at about 12 mA: no sweep would find its threshold",
        ),
        (
            "wiring.parts.awg.sync_v=0.8",
            THRESHOLD,
            "1 V, but the sync output of 'awg' goes from 0 to 0.8 V here",
        ),
        (
            f"{THRESHOLD}=5.0",
            THRESHOLD,
            "5 V; alice.sync_delay takes -3.5 to 3.5 V",
        ),
        (
            f"{START}.threshold_v=1.5",
            f"{START}.threshold_v",
            "1.5 V, but the marks of 'sync_delay' go from 0 to 1 V: none would be seen",
        ),
        (
            f"{START}.enabled=false",
            f"{START}.enabled",
            "false, but 'sync_delay' marks each frame there; set it true",
        ),
        (
            f"{LINE}.attenuation_db_on_open=0.5",
            f"{LINE}.attenuation_db_on_open",
            "0.5 dB, but 'line_attenuator' gives 1.2 to 60 dB; remove fixed loss",
        ),
        (
            f"{LINE}.attenuation_db_on_open=61.0",
            f"{LINE}.attenuation_db_on_open",
            "61 dB, but 'line_attenuator' gives 1.2 to 60 dB; add fixed loss",
        ),
    ],
)
def test_it_is_refused_with_its_place_and_numbers(
    override: str, place: str, words: str
) -> None:
    problem = found_at(place, override)
    assert words in problem.message
    assert problem.severity == "error"


@pytest.mark.parametrize(
    ("target", "loss_db", "place", "words"),
    [
        ("pulse_former.in", 6.0, CLOCK_DBM, "13 dBm, 7 dBm of it at 'pulse_former'"),
        ("sync_delay.trigger", 12.0, THRESHOLD, "from 0 to 0.754 V here"),
        ("tagger.start", 8.0, f"{START}.threshold_v", "go from 0 to 0.398 V"),
    ],
)
def test_a_cable_takes_its_loss(
    target: str, loss_db: float, place: str, words: str
) -> None:
    lossy = f"wiring.cables.{cable(target)}.loss_db={loss_db}"
    assert words in found_at(place, lossy).message


def test_delay_generator_and_generator_share_a_reference() -> None:
    second = "{kind: clock, owner: alice, instrument: alice.clock, frequency_hz: 1e8}"
    line = f"wiring.cables.{cable('sync_delay.timebase')}.from"
    problem = found_at(
        line, f"wiring.parts.clock_two={second}", f"{line}=clock_two.ref_out"
    )
    assert "'sync_delay' runs on 'clock_two', but 'awg', which" in problem.message
    assert "on 'clock'; give both one reference" in problem.message


def test_a_delay_generator_without_reference_is_doubtful() -> None:
    place = cable("sync_delay.timebase")
    other = "{from: d_x0.out, to: tagger.input1, kind: trigger}"
    found = check(fake_bench.bench(f"wiring.cables.{place}={other}"))
    lines = [str(p) for p in found if p.severity == "warning"]
    assert any("sync_delay: port 'timebase' is not connected" in s for s in lines)


def test_a_channel_without_standing_loss_is_doubtful() -> None:
    place = f"{LINE}.attenuation_db_on_open"
    problem = found_at(place, f"{place}=null")
    assert "'line_attenuator' keeps the loss at which it was left" in problem.message
    assert problem.severity == "warning"
