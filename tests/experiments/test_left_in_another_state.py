"""Instruments that somebody else used yesterday, or that a crash left as they were.

The bench is spoilt by hand, in the instruments' own words, before the stations open;
then both parties' calibration must come out as on a clean bench, without any ``*RST``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from bench_at_work import Work, at_work, quick_config
from steps_at_work import contexts, step_of_bob

from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_sims.bench.simulated import SimulatedBench

pytestmark = [pytest.mark.xdist_group("runs")]

DIMMER = "wiring.parts.fibre.excess_loss_db=7.0"
SMALL_MEMORY = {"alice.awg": {"memory_points": 803_000}}
"""A frame fits only after the old waveforms are gone."""
SEED = 11


def scpi(bench: SimulatedBench, name: str, *commands: str) -> None:
    line = bench.connect("alice", name, "control")
    for command in commands:
        line.write(command.encode() + b"\n")  # type: ignore[union-attr]


def spoil_generator(bench: SimulatedBench) -> None:
    old = ",".join(["0.7", "-0.7"] * 1000)
    scpi(
        bench,
        "awg",
        *(f"SOUR{n}:DATA:ARB OLD{k},{old}" for n in (1, 2) for k in range(3)),
        "SOUR1:FUNC:ARB OLD1",
        "SOUR1:FUNC ARB",
        "OUTP1:LOAD INF",
        "OUTP2:POL INV",
        "SOUR1:BURS:STAT ON",
        "SOUR2:AM:STAT ON",
        "SOUR1:TRAC ON",
        "SOUR2:VOLT:UNIT DBM",
        "FORM:BORD SWAP",
        "OUTP:SYNC:SOUR CH2",
        "OUTP:SYNC OFF",
        "OUTP1 ON",
        "NONSENSE",
    )


def spoil_attenuator(bench: SimulatedBench) -> None:
    commands = "INP:ATT 3", "INP:WAV 1310NM", "OUTP ON", "OUTP:APM ON", "NONSENSE"
    scpi(bench, "attenuator", *commands)


def spoil_meter(bench: SimulatedBench) -> None:
    scpi(
        bench,
        "tap_meter",
        "SENS:POW:UNIT DBM",
        "SENS:CORR:LOSS:INP:MAGN 30",
        "SENS:POW:REF 1E-6",
        "SENS:POW:REF:STAT ON",
        "SENS:POW:RANG 1E-3",
        "SENS:CORR:WAV 850",
        "SENS:AVER 500",
        "CONF:CURR",
        "NONSENSE",
    )


def spoil_detectors(bench: SimulatedBench) -> None:
    line = bench.connect("bob", "websq", "control")
    for command, value in (
        ("SetMeasurementPeriod", 2000),
        ("SetAllTriggerLevels", [900.0] * 4),
        ("SetAllBiasCurrents", [35.0] * 4),
        ("DetectorEnable", True),
    ):
        message = json.dumps({"command": command, "value": value})
        line.write(message.encode())  # type: ignore[union-attr]
    # above all switching currents: every wire has latched
    bench.clock.sleep_until(bench.clock.now_ps() + 10_000_000_000)


def spoil_plates(bench: SimulatedBench) -> None:
    line = bench.connect("bob", "plates", "control")
    for address, pulses in ((0, 20_000), (1, 50_000), (2, 99_000)):
        line.write(f"{address}ma{pulses:08X}".encode())  # type: ignore[union-attr]
        bench.clock.sleep_until(bench.clock.now_ps() + 2_000_000_000_000)
        line.write(f"{address}sv14".encode())  # type: ignore[union-attr]
        bench.clock.sleep_until(bench.clock.now_ps() + 10_000_000_000)


def spoil_tagger(bench: SimulatedBench) -> None:
    control = bench.connect("bob", "tagger", "control")
    datalink = bench.connect("bob", "tagger", "datalink")

    def say(line: Any, text: str) -> None:
        line.send(text.encode())
        answer = line.receive(5.0)
        assert answer is not None
        assert b"ERR" not in answer, answer
        assert b"error" not in answer, answer

    for n in (1, 2, 3, 4):
        say(control, f"INPU{n}:THRE -0.4V;EDGE FALLING;COUP AC;SELE OUTPUT")
        say(control, f"DELA{n}:VALU {7000 * n}")
        say(control, f"TSCO{n + 4}:WIND:ENAB ON;:TSCO{n + 4}:OPOU MUTE")
        say(control, f"RAW{n}:SEND ON")
        start = f"start-stream --address 127.0.0.1 --channel {n} --stream-port 5556"
        say(datalink, f"{start} --with-ref-index")
    say(control, "STAR:ENAB OFF;THRE 1.9V")
    say(control, "DEVI:RES HIRES;SYNC EXTERNAL")
    say(control, "REC:ENAB ON;NUM INF;PLAY")


SPOILT: dict[str, Callable[[SimulatedBench], None]] = {
    "generator": spoil_generator,
    "attenuator": spoil_attenuator,
    "meter": spoil_meter,
    "detectors": spoil_detectors,
    "plates": spoil_plates,
    "tagger": spoil_tagger,
}


@dataclass
class Outcome:
    """What both parties' calibration came to."""

    means: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    truth: list[float]
    dark_rates_hz: list[float]
    qber: tuple[float, float]
    heard_reset: bool


@contextmanager
def listening(work: Work) -> Iterator[list[bytes]]:
    """Note all that goes to the SCPI instruments."""
    heard: list[bytes] = []
    for station in work.stations.values():
        for instrument in station.instruments.values():
            line = getattr(instrument, "line", None)
            if hasattr(line, "transport"):
                write = line.transport.write
                line.transport.write = lambda data, write=write: (
                    heard.append(data),
                    write(data),
                )[1]
    yield heard


def calibrated(spoil: Callable[[SimulatedBench], None]) -> Outcome:
    with at_work(quick_config([DIMMER], SMALL_MEMORY), SEED, before=spoil) as work:
        with listening(work) as heard:
            ctx = contexts(work)
            dark = step_of_bob(work, ctx, "detectors")
            levels = work.calibrate()
            frame = polarimetry_frame(work.parameters)
            work.play(frame, levels)
            photons, _ = work.bench.truth_light()
            aligned = step_of_bob(work, ctx, "polarization")
        classes = (frame >> 2) & 3
        return Outcome(
            levels.mean,
            levels.intervals,
            [float(photons[classes == k].mean()) for k in (0, 2)],
            dark["dark_rate_hz"],
            (aligned["qber_x"], aligned["qber_z"]),
            any(b"*RST" in data.upper() for data in heard),
        )


def check(outcome: Outcome) -> None:
    low, high = outcome.intervals[0]
    assert low <= outcome.truth[0] <= high
    # the header's dark symbols: vacuum
    low, high = outcome.intervals[2]
    assert low <= outcome.truth[1] <= high
    assert all(40 <= rate <= 180 for rate in outcome.dark_rates_hz)
    assert max(outcome.qber) < 0.025
    assert not outcome.heard_reset


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILT)
def test_an_instrument_that_others_used_does_no_harm(name):
    check(calibrated(SPOILT[name]))


def test_nor_do_all_of_them_together():
    def spoil_all(bench: SimulatedBench) -> None:
        for spoil in SPOILT.values():
            spoil(bench)

    check(calibrated(spoil_all))
