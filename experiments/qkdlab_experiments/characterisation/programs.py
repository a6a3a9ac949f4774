"""Programs that count: Alice pumps a source, Bob reads its statistics off his tags.

Detectors are on inputs 0 and 1 of the tagger: behind a beam splitter (g2), or signal
and idler of a pair source (heralding).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import UsageError
from qkdlab.roles import BiasSource, ClockSource, LaserDriver, TimeTagger
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.characterisation.hbt import g2_at_zero, pulsed_coincidences
from qkdlab_experiments.characterisation.pairs import PairFigures, pair_figures
from qkdlab_experiments.photon_statistics import CountingParameters

__all__ = ["count_hbt", "count_pairs", "pump"]

_DARK, _LIT, _COUNTED = "dark-counted", "light-on", "counted"
_READ_PS = 100_000_000_000
Tags = NDArray[np.int64]


def pump(ctx: PartyContext[CountingParameters]) -> PartyResult:
    """Let the laser make pulses while Bob counts."""
    p = ctx.parameters
    clock: ClockSource = ctx.roles["clock"]
    laser: LaserDriver = ctx.roles["laser"]
    ctx.conversation.receive(_DARK)
    laser.set_cooler_on(True)
    laser.set_thermistor_ohm(p.thermistor_ohm)
    laser.set_current_ma(p.laser_bias_ma)
    laser.set_laser_on(True)
    # Last: the pulses would drive a diode without bias into reverse.
    clock.set_frequency_hz(1e12 / p.symbol_period_ps)
    clock.set_power_dbm(p.clock_power_dbm)
    clock.set_output_on(True)
    ctx.clock.sleep_until(ctx.clock.now_ps() + round(p.settle_s * 1e12))
    ctx.conversation.send(_LIT)
    ctx.conversation.receive(_COUNTED)
    clock.set_output_on(False)
    laser.set_laser_on(False)
    return PartyResult()


def count_hbt(ctx: PartyContext[CountingParameters]) -> PartyResult:
    """Return g2(0) of light behind a beam splitter, with its standard uncertainty."""
    p = ctx.parameters
    darks_hz, one, two = _count(ctx)
    counts = _coincidences(p, one, two)[_held(p)]
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
    counts = counts[_held(p)]
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
    tags: list[Tags] = []
    channels: list[NDArray[np.uint8]] = []
    left_ps = round(p.duration_s * 1e12)
    try:
        while left_ps > 0:
            block = tagger.read(min(left_ps, _READ_PS))
            ctx.recorder.tags(block)
            left_ps -= block.t_end - block.t_begin
            tags.append(block.t)
            channels.append(block.ch)
    finally:
        tagger.stop()
    ctx.conversation.send(_COUNTED)
    t, ch = np.concatenate(tags), np.concatenate(channels)
    return darks_hz, t[ch == 0], t[ch == 1]


def _coincidences(p: CountingParameters, one: Tags, two: Tags) -> NDArray[np.int64]:
    """Return int64[2 lags + 1], pairs of clicks by lag."""
    period_ps = p.symbol_period_ps
    two = two - p.detector_delay_ps
    two = two - _common_delay_ps(one, two, period_ps)
    return pulsed_coincidences(one, two, period_ps, p.lags, p.half_gate_ps)


def _held(p: CountingParameters) -> NDArray[np.bool_]:
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


def _common_delay_ps(one: Tags, two: Tags, period_ps: int) -> int:
    """Return by how much the second detector clicks later, within half a period."""
    turn = 2.0 * np.pi / period_ps
    first, second = (np.exp(1j * turn * (t % period_ps)).sum() for t in (one, two))
    return round(float(np.angle(second * np.conj(first))) / turn)
