"""Programs that count: Alice pumps a source, Bob reads its statistics off his tags.

Detectors are on inputs 0 and 1 of the tagger: behind a beam splitter (g2), or signal
and idler of a pair source (heralding).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import UsageError
from qkdlab.roles import BiasSource, ClockSource, LaserDriver, TimeTagger
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.characterisation.clicks import read_clicks
from qkdlab_experiments.characterisation.hbt import g2_at_zero, pulsed_coincidences
from qkdlab_experiments.characterisation.pairs import PairFigures, pair_figures
from qkdlab_experiments.photon_statistics import CountingParameters, PumpParameters

__all__ = ["count_hbt", "count_pairs", "held_lags", "late_ps", "pump", "pumped"]

_DARK, _LIT, _COUNTED = "dark-counted", "light-on", "counted"
Tags = NDArray[np.int64]


def pump(ctx: PartyContext[CountingParameters]) -> PartyResult:
    """Let the laser make pulses while Bob counts."""
    ctx.conversation.receive(_DARK)
    with pumped(ctx):
        ctx.conversation.send(_LIT)
        ctx.conversation.receive(_COUNTED)
    return PartyResult()


@contextmanager
def pumped(ctx: PartyContext[Any]) -> Iterator[None]:
    """Let the laser make pulses for as long as this lasts.

    ctx: with parameters as `PumpParameters`
    """
    p: PumpParameters = ctx.parameters
    clock: ClockSource = ctx.roles["clock"]
    laser: LaserDriver = ctx.roles["laser"]
    laser.set_cooler_on(True)
    laser.set_thermistor_ohm(p.thermistor_ohm)
    laser.set_current_ma(p.laser_bias_ma)
    laser.set_laser_on(True)
    # Last: the pulses would drive a diode without bias into reverse.
    clock.set_frequency_hz(1e12 / p.symbol_period_ps)
    clock.set_power_dbm(p.clock_power_dbm)
    clock.set_output_on(True)
    ctx.clock.sleep_until(ctx.clock.now_ps() + round(p.settle_s * 1e12))
    yield
    clock.set_output_on(False)
    laser.set_laser_on(False)


def count_hbt(ctx: PartyContext[CountingParameters]) -> PartyResult:
    """Return g2(0) of light behind a beam splitter, with its standard uncertainty."""
    p = ctx.parameters
    darks_hz, one, two = _count(ctx)
    counts = _coincidences(p, one, two)[held_lags(p)]
    zero = g2_at_zero(counts)
    figures = {
        "g2_zero": zero.value,
        "g2_zero_uncertainty": zero.uncertainty,
        "coincidences": counts.tolist(),
        **_rates(p, darks_hz, one, two),
    }
    return PartyResult(figures)


def count_pairs(ctx: PartyContext[CountingParameters]) -> PartyResult:
    """Return CAR, heralding and Klyshko efficiencies of a pair source."""
    p = ctx.parameters
    darks_hz, one, two = _count(ctx)
    counts = _coincidences(p, one, two)
    _refuse_other_peak(p, counts)
    counts = counts[held_lags(p)]
    dark_counts = [rate * p.duration_s for rate in darks_hz]
    found = pair_figures(counts, (one.size, two.size), dark_counts)
    return PartyResult(_told(found) | _rates(p, darks_hz, one, two))


def _told(found: PairFigures) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, measured in (
        ("car", found.car),
        ("heralding_signal", found.heralding[0]),
        ("heralding_idler", found.heralding[1]),
        ("klyshko_signal", found.klyshko[0]),
        ("klyshko_idler", found.klyshko[1]),
        ("pairs", found.pairs),
    ):
        figures[name] = measured.value
        figures[f"{name}_uncertainty"] = measured.uncertainty
    return figures


def _rates(
    p: CountingParameters, darks_hz: list[float], one: Tags, two: Tags
) -> dict[str, list[float]]:
    return {
        "dark_rate_hz": darks_hz,
        "click_rate_hz": [one.size / p.duration_s, two.size / p.duration_s],
    }


def _count(
    ctx: PartyContext[CountingParameters],
) -> tuple[list[float], Tags, Tags]:
    """Return dark rates, and the tags of both detectors in light."""
    p = ctx.parameters
    detectors: BiasSource = ctx.roles["detectors"]
    tagger: TimeTagger = ctx.roles["tagger"]
    darks_hz = detectors.count_rates_hz(p.dark_s)[:2]
    ctx.conversation.send(_DARK)
    ctx.conversation.receive(_LIT)
    tagger.start(0, tagger.tagger_capabilities().max_rate_hz)
    try:
        one, two = read_clicks(ctx, round(p.duration_s * 1e12), 2)
    finally:
        tagger.stop()
    ctx.conversation.send(_COUNTED)
    return darks_hz, one, two


def _coincidences(p: CountingParameters, one: Tags, two: Tags) -> NDArray[np.int64]:
    """Return int64[2 lags + 1], pairs of clicks by lag."""
    period_ps = p.symbol_period_ps
    two = two - p.detector_delay_ps
    two = two - late_ps(one, two, period_ps)
    return pulsed_coincidences(one, two, period_ps, p.lags, p.half_gate_ps)


def held_lags(p: PumpParameters) -> NDArray[np.bool_]:
    """Return which lags are held against each other: not those next to the middle."""
    lag = np.abs(np.arange(-p.lags, p.lags + 1))
    held: NDArray[np.bool_] = (lag == 0) | (lag > p.near_lags)
    return held


def _refuse_other_peak(p: CountingParameters, counts: NDArray[np.int64]) -> None:
    """Raise UsageError when the pairs come at another lag than the middle.

    Tags tell the delay of the second detector to whole periods only by that.
    """
    others = np.delete(counts, p.lags)
    mean = float(others.mean())
    lag = int(np.argmax(counts)) - p.lags
    if lag != 0 and float(counts.max()) > mean + 5.0 * max(mean, 1.0) ** 0.5:
        raise UsageError(
            f"the pairs coincide {lag} periods of {p.symbol_period_ps} ps off; add "
            f"{lag * p.symbol_period_ps} to parameters.detector_delay_ps"
        )


def late_ps(one: Tags, two: Tags, period_ps: int) -> int:
    """Return by how much the second detector clicks later, within half a period."""
    turn = 2.0 * np.pi / period_ps
    first, second = (np.exp(1j * turn * (t % period_ps)).sum() for t in (one, two))
    return round(float(np.angle(second * np.conj(first))) / turn)
