"""Bob's half: each sender alone, then both at every delay of the scan."""

from __future__ import annotations

import math

from qkdlab.roles import BiasSource
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.asking import ask, dismiss
from qkdlab_experiments.hom import HomParameters
from qkdlab_experiments.interference.counting import Alone, Counter, coincidences
from qkdlab_experiments.interference.figures import Point, figures

__all__ = ["count"]

_ONLY = ([True, False], [False, True])
_CORRECTIONS = 2
"""Of each sender's attenuation: the first from a few clicks, the next from many."""


def count(ctx: PartyContext[HomParameters]) -> PartyResult:
    """Return visibility and dip, beside what threshold detectors should see."""
    p = ctx.parameters
    detectors: BiasSource = ctx.roles["detectors"]
    if p.bias_ua:
        detectors.set_enabled(True)
        detectors.set_bias_ua(list(p.bias_ua))
    darks_hz = detectors.count_rates_hz(p.dark_s)[:2]
    counter = Counter(ctx, darks_hz)
    alone = _balanced(ctx, counter)
    points = _scanned(ctx, counter, alone)
    dismiss(ctx)
    return PartyResult(figures(p, darks_hz, alone, points))


def _balanced(
    ctx: PartyContext[HomParameters], counter: Counter
) -> tuple[Alone, Alone]:
    """Bring both senders to the mean photon number asked for; return each alone.

    In the end both are counted in one acquisition, so that their instants compare.
    """
    p = ctx.parameters
    attenuation_db = list(p.start_attenuation_db)
    for which in (0, 1):
        for _ in range(_CORRECTIONS):
            ask(ctx, is_open=_ONLY[which], attenuation_db=attenuation_db)
            clicks = counter.clicks(p.balance_s)
            found = counter.alone(clicks, p.balance_s, attenuation_db[which])
            too_bright = float(found.mean_photons.mean()) / p.mean_photons
            attenuation_db[which] += 10.0 * math.log10(too_bright)
    ask(ctx, is_open=_ONLY[1], attenuation_db=attenuation_db)
    second, first = counter.acquisitions(
        p.balance_s, lambda: ask(ctx, is_open=_ONLY[0])
    )
    return (
        counter.alone(first, p.balance_s, attenuation_db[0]),
        counter.alone(second, p.balance_s, attenuation_db[1]),
    )


def _scanned(
    ctx: PartyContext[HomParameters], counter: Counter, alone: tuple[Alone, Alone]
) -> list[Point]:
    """Return what each delay of the scan gives with both senders."""
    p = ctx.parameters
    points: list[Point] = []
    # the detectors agree but for their noise
    late_ps = alone[1].late_against(alone[0], p.symbol_period_ps)
    for number, delay_ps in enumerate(p.delays_ps):
        ctx.progress("delay", number, len(p.delays_ps))
        ask(ctx, is_open=[True, True], later_ps=delay_ps - late_ps)
        late_ps = delay_ps
        clicks = counter.clicks(p.duration_s)
        points.append(Point(delay_ps, coincidences(p, clicks, alone[0])))
    ctx.progress("delay", len(p.delays_ps), len(p.delays_ps))
    return points
