"""Compiled kernels that give candidates the instants and energies of their pulses.

One Philox block serves a candidate. What all photons of a pulse share comes from the
block of its first candidate; since candidates of a pulse stand side by side this is
the same law as a number for each pulse. Other kernels have these compiled in: numba
does not notice a change here, so remove its caches after one.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.normal._kernels import fill_normals, gauss
from qkdlab_sims.optics.philox._kernels import numbers, philox
from qkdlab_sims.optics.photons.candidates._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.photons.states._kernels import NOISE_LEVELS

__all__ = [
    "NOTHING_OWN",
    "Own",
    "OwnRoom",
    "draw_own",
    "new_own_room",
    "remembers",
]

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Words: TypeAlias = NDArray[np.uint32]
Keys: TypeAlias = NDArray[np.uint64]

# Second counter word: what the numbers of a candidate or a tick are used for.
_OWN = np.uint64(5)
_WITHIN = np.uint64(6)
_EDGE = np.uint64(7)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_TO_LEVEL = np.uint64(22)  # bits of a 32-bit word that do not choose one of 1024
_TO_TICK = 16
_LAST = PULSES_PER_TICK - 1


class Own(NamedTuple):
    """What the pulses of a laser have of their own, as the kernels see it.

    jitter_ps, width_ps: standard deviations, of a pulse and of its photons in it
    lead_ps:      added to all instants, above the largest of both
    noise_memory: m of the energies 1 + rms (w_k + m w_(k-1)) / sqrt(1 + m^2)
    """

    jitter_ps: float
    width_ps: float
    lead_ps: int
    noise_memory: float


NOTHING_OWN = Own(0.0, 0.0, 0, 0.0)
"""Of light whose pulses are alike but for white noise."""


class OwnRoom(NamedTuple):
    """What `draw_own` writes, and room that it works in, for n candidates.

    late_ps:  int32[n], 0 before
    energies: float64[n], of their pulses over the mean, where noise is remembered
    words, crowded, scratch: uint32[4, n], int32[n + 1], float64[4, n]
    """

    late_ps: Indices
    energies: Floats
    words: Words
    crowded: Indices
    scratch: Floats


@kernel
def new_own_room(n: int, own: Own) -> OwnRoom:
    """Return room for `n` candidates, but for lateness 0 none if nothing is own."""
    late_ps = np.zeros(n, np.int32)
    if own.lead_ps == 0:
        n = 0
    return OwnRoom(
        late_ps,
        np.empty(n),
        np.empty((4, n), np.uint32),
        np.empty(n + 1, np.int32),
        np.empty((4, n)),
    )


@kernel
def remembers(noise: float, own: Own) -> bool:
    """Return whether neighbours share noise of this rms."""
    return noise > 0.0 and own.noise_memory != 0.0


@kernel
def _draw_words(
    tick: int, pulse: Indices, index: Indices, keys: Keys, words: Words
) -> None:
    """Write the four words that each candidate has for its pulse's own sake.

    pulse: counted from the first of `tick`, sorted; index: of each in its tick
    """
    one, two, three, four = words[0], words[1], words[2], words[3]
    k0, k1, first = keys[0, 0], keys[0, 1], np.uint64(tick)
    for i in range(pulse.shape[0]):
        label = first + np.uint64(pulse[i] >> _TO_TICK)
        a, b, c, d = philox(
            np.uint64(index[i]), _OWN, label & _LOW, label >> _HALF, k0, k1
        )
        one[i], two[i], three[i], four[i] = a, b, c, d


@kernel
def _spread_group(
    begin: int,
    end: int,
    tick: int,
    index: Indices,
    words: Words,
    own: Own,
    keys: Keys,
    late_ps: Indices,
) -> None:
    """Give the candidates [begin, end) of one pulse its jitter and places within it."""
    a, b = np.uint64(words[0, begin]), np.uint64(words[1, begin])
    shared = own.lead_ps + 0.5 + own.jitter_ps * gauss(a, b)
    for i in range(begin, end):
        a, b, _, _ = numbers(index[i], _WITHIN, tick, keys, 0)
        late = np.int32(shared + own.width_ps * gauss(a, b))
        # nothing else tells candidates of a pulse apart, so they may come in order
        j = i
        while j > begin and late_ps[j - 1] > late:
            late_ps[j] = late_ps[j - 1]
            j -= 1
        late_ps[j] = late


@kernel
def _list_crowded(pulse: Indices, crowded: Indices) -> np.uint64:
    """List candidates that share pulse or noise with what stands before or beside.

    Those of the pulse of the one before, of the next pulse, and of a tick's first and
    last. Returns how many; crowded: room for all candidates and one more.
    """
    m = np.uint64(0)
    last = np.int32(-2)
    # few are: no branch, and the number of one that is not is overwritten
    for i in range(pulse.shape[0]):
        k = pulse[i]
        crowded[m] = i
        is_edge = (k + np.int32(1)) & np.int32(_LAST) <= np.int32(1)
        m += np.uint64((k - last <= np.int32(1)) | is_edge)
        last = k
    return m


@kernel
def _find_lateness(
    tick: int,
    pulse: Indices,
    index: Indices,
    crowded: Indices,
    words: Words,
    own: Own,
    keys: Keys,
    scratch: Floats,
    late_ps: Indices,
) -> None:
    """Write how late candidates come, in order of time within each pulse.

    crowded: of `_list_crowded`; words: of `_draw_words`; scratch: float64[4, n]. A
    pulse's only candidate wants no more than the sum of jitter and place, which is
    normal, too.
    """
    n = pulse.shape[0]
    scale, within, shift = scratch[0], scratch[1], scratch[2][:n]
    parts = scratch[3].view(np.uint32)
    scale[:n] = math.hypot(own.jitter_ps, own.width_ps)
    fill_normals(words[0], words[1], scale, parts, within, shift)
    offset = own.lead_ps + 0.5
    for i in range(n):
        late_ps[i] = np.int32(shift[i] + offset)
    end = 0
    for i in crowded:
        if i < end or i == 0 or pulse[i] != pulse[i - 1]:
            continue
        end = i + 1
        while end < n and pulse[end] == pulse[i]:
            end += 1
        label = tick + (int(pulse[i]) >> _TO_TICK)
        _spread_group(i - 1, end, label, index, words, own, keys, late_ps)


@kernel
def _edge_noise(tick: int, keys: Keys) -> float:
    """Return w of the last pulse of a tick, which the next tick needs, too."""
    a, _, _, _ = numbers(0, _EDGE, tick, keys, 0)
    return float(NOISE_LEVELS[a >> _TO_LEVEL])


@kernel
def _noise_of(i: int, tick: int, pulse: Indices, level: Words, keys: Keys) -> float:
    """Return w of the pulse of candidate `i`."""
    k = int(pulse[i])
    if k & _LAST == _LAST:
        return _edge_noise(tick + (k >> _TO_TICK), keys)
    while i > 0 and pulse[i - 1] == k:
        i -= 1
    return float(NOISE_LEVELS[np.uint64(level[i])])


@kernel
def _share_remembered_noise(
    tick: int,
    pulse: Indices,
    crowded: Indices,
    level: Words,
    former: Words,
    noise: float,
    memory: float,
    keys: Keys,
    out: Floats,
) -> None:
    """Write the energies of the candidates' pulses, which share w with neighbours.

    pulse: counted from the first of `tick`, sorted; crowded: of `_list_crowded`; level:
    chooses w of its pulse from `NOISE_LEVELS`, by the first candidate; former: a word
    that draws w of the pulse before, if that has no candidate
    """
    per_level = noise / math.sqrt(1.0 + memory * memory)
    for i in range(pulse.shape[0]):
        before = NOISE_LEVELS[np.uint64(former[i]) >> _TO_LEVEL]
        w = NOISE_LEVELS[np.uint64(level[i])]
        out[i] = max(0.0, 1.0 + per_level * (w + memory * before))
    for i in crowded:
        k = int(pulse[i])
        if i > 0 and pulse[i - 1] == k:
            out[i] = out[i - 1]
            continue
        if k & _LAST == 0:
            before = _edge_noise(tick + (k >> _TO_TICK) - 1, keys)
        elif i > 0 and pulse[i - 1] == k - 1:
            before = _noise_of(i - 1, tick, pulse, level, keys)
        else:
            before = NOISE_LEVELS[np.uint64(former[i]) >> _TO_LEVEL]
        w = _noise_of(i, tick, pulse, level, keys)
        out[i] = max(0.0, 1.0 + per_level * (w + memory * before))


@kernel
def draw_own(
    tick: int,
    pulse: Indices,
    index: Indices,
    level: Words,
    noise: float,
    own: Own,
    keys: Keys,
    room: OwnRoom,
) -> None:
    """Write to `room` what the pulses of candidates have of their own.

    pulse: counted from the first of `tick`, sorted; index: of each in its tick; level:
    as of `_share_remembered_noise`; noise: rms
    """
    n = pulse.shape[0]
    crowded = room.crowded
    _draw_words(tick, pulse, index, keys, room.words)
    crowded = crowded[: _list_crowded(pulse, crowded)]
    _find_lateness(
        tick, pulse, index, crowded, room.words, own, keys, room.scratch, room.late_ps
    )
    if remembers(noise, own):
        _share_remembered_noise(
            tick, pulse, crowded, level[:n], room.words[2], noise, own.noise_memory,
            keys, room.energies,
        )  # fmt: skip
