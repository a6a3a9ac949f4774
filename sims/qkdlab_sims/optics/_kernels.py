"""Compiled kernels of the optics; each has a plain reference in the tests."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BRIGHT_MEAN",
    "GAUSS_BOUND",
    "PULSES_PER_TICK",
    "TAIL_BOUND",
    "analogue_volts",
    "philox_fill",
    "run_ticks",
]

PULSES_PER_TICK = 1 << 16
"""Pulses in one tick, the unit of the random streams and of the knobs."""

BRIGHT_MEAN = 2.0
"""Mean detectable photons a pulse above which every pulse is visited."""

GAUSS_BOUND = math.sqrt(2.0 * math.log(2.0**33))
"""Largest magnitude that the Gaussian variates here can take."""

TAIL_BOUND = math.log(2.0**33)
"""Largest value that the exponential variates here can take."""

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_UNIT = 2.0**-32

# Second counter word: what the numbers of a tick are used for.
_CANDIDATE = np.uint64(0)
_CANDIDATE_JITTER = np.uint64(1)
_PULSE = np.uint64(1 << 8)
_PULSE_JITTER = np.uint64(2 << 8)
_DARK = np.uint64(3 << 8)

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")
_inline = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_jit
def _philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Return the four 32-bit words of Philox4x32-10, each in a uint64."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _HALF) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _HALF) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@_jit
def philox_fill(
    first: int, stream: int, key: NDArray[np.uint64], out: NDArray[np.uint32]
) -> None:
    """Fill `out` uint32[n, 4] with the words of counters first .. first + n - 1."""
    for i in range(out.shape[0]):
        number = np.uint64(first) + np.uint64(i)
        a, b, c, d = _philox(
            number & _LOW,
            number >> _HALF,
            np.uint64(stream) & _LOW,
            np.uint64(stream) >> _HALF,
            key[0],
            key[1],
        )
        out[i, 0] = a
        out[i, 1] = b
        out[i, 2] = c
        out[i, 3] = d


@_jit
def _unit(word: np.uint64) -> float:
    """Return a number strictly between 0 and 1."""
    return (float(word) + 0.5) * _UNIT


@_jit
def _gauss(a: np.uint64, b: np.uint64) -> float:
    """Return a normal variate (Box and Muller), |x| <= GAUSS_BOUND."""
    return math.sqrt(-2.0 * math.log(_unit(a))) * math.cos(2.0 * math.pi * _unit(b))


@_jit
def _relative_efficiency(dt_ps: int, recovery: NDArray[np.float64]) -> float:
    """Return eta(I(dt)) / eta(I_bias); recovery = (tau_ps, bias, half, width)."""
    if dt_ps <= 0:
        return 0.0
    x = dt_ps / recovery[0]
    if x > 36.0:
        return 1.0
    current = recovery[1] * (1.0 - math.exp(-x))
    now = 1.0 + math.erf((current - recovery[2]) / recovery[3])
    full = 1.0 + math.erf((recovery[1] - recovery[2]) / recovery[3])
    return now / full if full > 0.0 else 0.0


@_jit
def _push(
    d: int, tag_ps: int, out: NDArray[np.int64], n_out: NDArray[np.int64]
) -> bool:
    """Insert a tag into the sorted row of detector `d`; False when it is full."""
    n = n_out[d]
    if n >= out.shape[1]:
        return False
    j = n - 1
    while j >= 0 and out[d, j] > tag_ps:
        out[d, j + 1] = out[d, j]
        j -= 1
    out[d, j + 1] = tag_ps
    n_out[d] = n + 1
    return True


@_jit
def _jittered(
    arrival_ps: int,
    word_a: np.uint64,
    word_b: np.uint64,
    word_c: np.uint64,
    word_d: np.uint64,
    timing: NDArray[np.float64],
) -> int:
    """Return the tag of a photon; timing = (sigma_ps, tail fraction, tail_ps)."""
    shift = timing[0] * _gauss(word_a, word_b)
    if timing[1] > 0.0 and _unit(word_c) < timing[1]:
        shift -= timing[2] * math.log(_unit(word_d))
    return arrival_ps + np.int64(math.floor(shift + 0.5))


@_jit
def _next_dark(
    d: int,
    number: int,
    tick: np.uint64,
    key: NDArray[np.uint64],
    dark_per_tick: float,
    position: float,
) -> tuple[float, float]:
    """Return position in the tick (1 or more: none) and a uniform number."""
    a, b, _, _ = _philox(
        np.uint64(number),
        _DARK + np.uint64(d),
        tick & _LOW,
        tick >> _HALF,
        key[0],
        key[1],
    )
    return position - math.log(_unit(a)) / dark_per_tick, _unit(b)


@_jit
def _states_means(
    k: int,
    stokes: NDArray[np.float64],
    first_pulse: int,
    before: NDArray[np.float64],
    analysers: NDArray[np.float64],
    direct: NDArray[np.float64],
    attacked_fraction: float,
    noise_rms: float,
    keys: NDArray[np.uint64],
    means: NDArray[np.float64],
) -> None:
    """Write the mean detectable photons of pulse `k` at each detector to `means`."""
    state = (k - first_pulse) % stokes.shape[0]
    s0 = stokes[state, 0]
    s1 = stokes[state, 1]
    s2 = stokes[state, 2]
    s3 = stokes[state, 3]
    number = np.uint64(k)
    scale = 0.5
    if noise_rms > 0.0:
        a, b, _, _ = _philox(
            number & _LOW,
            number >> _HALF,
            np.uint64(0),
            np.uint64(0),
            keys[1, 0],
            keys[1, 1],
        )
        scale = 0.5 * max(0.0, 1.0 + noise_rms * _gauss(a, b))
    attacked = False
    if attacked_fraction > 0.0:
        a, b, c, _ = _philox(
            number & _LOW,
            number >> _HALF,
            np.uint64(0),
            np.uint64(0),
            keys[2, 0],
            keys[2, 1],
        )
        attacked = _unit(a) < attacked_fraction
        if attacked:
            axis = 2 + np.int64(b & np.uint64(1))
            total = (
                before[0, 0] * s0
                + before[0, 1] * s1
                + before[0, 2] * s2
                + before[0, 3] * s3
            )
            along = (
                before[axis, 0] * s0
                + before[axis, 1] * s1
                + before[axis, 2] * s2
                + before[axis, 3] * s3
            )
            sign = 1.0 if _unit(c) * 2.0 * total < total + along else -1.0
            for d in range(analysers.shape[0]):
                mean = scale * total * (analysers[d, 0] + sign * analysers[d, axis])
                means[d] = max(0.0, mean)
    if not attacked:
        for d in range(direct.shape[0]):
            mean = (
                direct[d, 0] * s0
                + direct[d, 1] * s1
                + direct[d, 2] * s2
                + direct[d, 3] * s3
            )
            means[d] = max(0.0, scale * mean)


@_jit
def run_ticks(
    tick_begin: int,
    tick_end: int,
    stokes: NDArray[np.float64],
    first_pulse: int,
    before: NDArray[np.float64],
    analysers: NDArray[np.float64],
    direct: NDArray[np.float64],
    mean_bound: float,
    attacked_fraction: float,
    noise_rms: float,
    period_ps: int,
    arrival_ps: NDArray[np.int64],
    dark_per_tick: NDArray[np.float64],
    recovery: NDArray[np.float64],
    timing: NDArray[np.float64],
    keys: NDArray[np.uint64],
    reserve: int,
    last_ps: NDArray[np.int64],
    out: NDArray[np.int64],
    n_out: NDArray[np.int64],
) -> int:
    """Run whole ticks; see `detector.simulate_pulses`.

    Return the first tick not run (a row of `out` may be full before `tick_end`), or
    -1 when a tick held more clicks than `reserve`.
    """
    n_det = direct.shape[0]
    means = np.zeros(n_det)
    dark_position = np.zeros(n_det)
    dark_chance = np.zeros(n_det)
    dark_ps = np.zeros(n_det, np.int64)
    dark_number = np.zeros(n_det, np.int64)
    tick_ps = period_ps * PULSES_PER_TICK
    never = np.int64(1) << np.int64(62)
    bright = mean_bound > BRIGHT_MEAN
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            if n_out[d] + reserve > out.shape[1]:
                return tick
        label = np.uint64(tick)
        first = tick * PULSES_PER_TICK
        for d in range(n_det):
            dark_ps[d] = never
            dark_number[d] = 0
            if dark_per_tick[d] > 0.0:
                x, u = _next_dark(d, 0, label, keys[0], dark_per_tick[d], 0.0)
                dark_position[d] = x
                dark_chance[d] = u
                if x < 1.0:
                    dark_ps[d] = (
                        first * period_ps + arrival_ps[d] + np.int64(x * tick_ps)
                    )
        position = 0.0
        number = 0
        while True:
            # one turn: one candidate photon, or one pulse of bright light
            a = b = c = e = np.uint64(0)
            if bright:
                if number >= PULSES_PER_TICK:
                    break
                k = first + number
            else:
                if mean_bound <= 0.0:
                    break
                a, b, c, e = _philox(
                    np.uint64(number),
                    _CANDIDATE,
                    label & _LOW,
                    label >> _HALF,
                    keys[0, 0],
                    keys[0, 1],
                )
                position -= math.log(_unit(a)) / mean_bound
                if position >= PULSES_PER_TICK:
                    break
                k = first + np.int64(position)
            _states_means(
                k,
                stokes,
                first_pulse,
                before,
                analysers,
                direct,
                attacked_fraction,
                noise_rms,
                keys,
                means,
            )
            d_first = 0
            d_last = n_det
            if not bright:
                pick = _unit(b) * mean_bound
                d_first = 0
                while d_first < n_det and pick >= means[d_first]:
                    pick -= means[d_first]
                    d_first += 1
                d_last = min(d_first + 1, n_det)
            for d in range(d_first, d_last):
                t = k * period_ps + arrival_ps[d]
                while dark_ps[d] <= t:
                    chance = _relative_efficiency(dark_ps[d] - last_ps[d], recovery[d])
                    if dark_chance[d] < chance:
                        last_ps[d] = dark_ps[d]
                        if not _push(d, dark_ps[d], out, n_out):
                            return -1
                    dark_number[d] += 1
                    x, u = _next_dark(
                        d,
                        dark_number[d],
                        label,
                        keys[0],
                        dark_per_tick[d],
                        dark_position[d],
                    )
                    dark_position[d] = x
                    dark_chance[d] = u
                    if x < 1.0:
                        dark_ps[d] = (
                            first * period_ps + arrival_ps[d] + np.int64(x * tick_ps)
                        )
                    else:
                        dark_ps[d] = never
                chance = _relative_efficiency(t - last_ps[d], recovery[d])
                if bright:
                    chance = 1.0 - math.exp(-chance * means[d])
                    a, b, c, e = _philox(
                        np.uint64(number),
                        _PULSE + np.uint64(d),
                        label & _LOW,
                        label >> _HALF,
                        keys[0, 0],
                        keys[0, 1],
                    )
                if _unit(c) < chance:
                    last_ps[d] = t
                    use = _PULSE_JITTER + np.uint64(d) if bright else _CANDIDATE_JITTER
                    f, g, h, i = _philox(
                        np.uint64(number),
                        use,
                        label & _LOW,
                        label >> _HALF,
                        keys[0, 0],
                        keys[0, 1],
                    )
                    if not _push(d, _jittered(t, f, g, h, i, timing[d]), out, n_out):
                        return -1
            number += 1
        for d in range(n_det):
            while dark_ps[d] < never:
                chance = _relative_efficiency(dark_ps[d] - last_ps[d], recovery[d])
                if dark_chance[d] < chance:
                    last_ps[d] = dark_ps[d]
                    if not _push(d, dark_ps[d], out, n_out):
                        return -1
                dark_number[d] += 1
                x, u = _next_dark(
                    d,
                    dark_number[d],
                    label,
                    keys[0],
                    dark_per_tick[d],
                    dark_position[d],
                )
                dark_position[d] = x
                dark_chance[d] = u
                if x < 1.0:
                    dark_ps[d] = (
                        first * period_ps + arrival_ps[d] + np.int64(x * tick_ps)
                    )
                else:
                    dark_ps[d] = never
    return tick_end


@_jit
def analogue_volts(
    volts: NDArray[np.float64],
    sample_ps: float,
    step: NDArray[np.float64],
    step_ps: float,
    times_ps: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the cyclic sample stream's analogue value at `times_ps` to `out`.

    The output is a sum of steps at the sample edges: `step` is the response to a unit
    step on a grid of `step_ps`, 0 before and 1 after its end.
    """
    n = volts.shape[0]
    length = (step.shape[0] - 1) * step_ps
    taps = np.int64(math.ceil(length / sample_ps)) + 1
    for i in range(times_ps.shape[0]):
        x = times_ps[i] / sample_ps
        last = np.int64(math.floor(x))
        # everything older than `taps` samples has settled
        value = volts[(last - taps) % n]
        before = value
        for j in range(last - taps + 1, last + 1):
            now = volts[j % n]
            if now != before:
                y = (x - j) * sample_ps / step_ps
                if y >= step.shape[0] - 1:
                    value += now - before
                else:
                    m = np.int64(y)
                    w = y - m
                    value += (now - before) * (step[m] * (1.0 - w) + step[m + 1] * w)
            before = now
        out[i] = value
