"""How former settings change the intensity of a pulse: tables over the last n.

Their index is that of `settings.law.ContextLaw.of`:
setting + n_settings (label_1 + L (label_2 + L (...))), label_j that of the setting j
pulses ago and L the number of labels. `Light.jones` times the square root of a table
is light with that memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range

__all__ = ["MAX_ORDER", "driven_factors", "order_sequence", "pattern_factors"]

MAX_ORDER = 6
"""Former pulses that a pulse may remember (arXiv:2411.00709 [seen])."""


def _check_order(order: int) -> None:
    if not 0 <= order <= MAX_ORDER:
        raise ValueError(f"memory of {order} pulses, but must be 0 to {MAX_ORDER}")


def pattern_factors(
    labels: Sequence[int],
    intensities: Sequence[float],
    coefficients: Sequence[float],
) -> NDArray[np.float64]:
    """Return float64[n_contexts], 1 + sum_j c_j f(label_j), by context.

    labels:       of each setting, from 0 on: its intensity
    intensities:  f of each label, relative to the brightest, 0 to 1
    coefficients: c_1, c_2, ... of the last pulse, the one before it ...; c_1 of 1 to 5
                  % is usual, and slow ones may exceed it

    I_k = I(a_k) [1 + sum_j c_j f(a_(k-j))], to order 6 (sources-modulators-aux.md
    section 7, arXiv:2411.00709 [seen]). Raises ValueError for more than 6, values out
    of range, and factors that are not positive.
    """
    _check_order(len(coefficients))
    for value in intensities:
        in_range("intensities", value, 0.0, 1.0, "1")
    for value in coefficients:
        in_range("coefficients", value, -0.9, 10.0, "1")
    former = np.ones(1)
    for c in reversed(coefficients):
        former = np.add.outer(former, c * np.asarray(intensities, float)).ravel()
    if former.min() <= 0.0:
        raise ValueError("coefficients leave some pulse without light")
    return np.repeat(former, len(labels))


def order_sequence(n_labels: int, length: int) -> NDArray[np.int64]:
    """Return int64[n_labels ** length]: a circle that holds each word once.

    The de Bruijn sequence that joins Lyndon words in their order (Fredricksen and
    Maiorana, Discrete Math. 23, 207 (1978) [mem]).
    """
    word, out = [0], [0]
    while word:
        longer = (word * length)[:length]
        while longer and longer[-1] == n_labels - 1:
            longer.pop()
        if not longer:
            break
        longer[-1] += 1
        word = longer
        if length % len(word) == 0:
            out.extend(word)
    return np.array(out, np.int64)


def driven_factors(
    labels: Sequence[int],
    order: int,
    transmissions: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], float]:
    """Return the factors that the drive of a modulator causes, and what they leave out.

    labels:        of each setting, from 0 on: its level at the generator
    order:         former pulses to tell apart
    transmissions: of the pulses of a circle of labels, played for ever, say by
                   `modulator.drive` and `intensity_transmission`

    A circle with every word of order + 1 labels shows each context once. A factor is
    its transmission over the mean of all contexts with the same last label. The second
    value is the largest difference that a circle in another order makes: memory of
    more than `order` pulses, as of a coupling capacitor, which no table of that order
    can hold.
    """
    _check_order(order)
    n = max(labels) + 1
    circle = order_sequence(n, order + 1)
    found = [
        _by_context(c, n, order, transmissions(c)) for c in (circle, n - 1 - circle)
    ]
    mean = np.mean(found, axis=0)
    by_label = mean.reshape(-1, n)
    scale = by_label.mean(axis=0)
    factors = by_label / scale
    left_out = float(np.max(np.abs(found[0] - found[1]).reshape(-1, n) / scale))
    return factors[:, list(labels)].ravel(), left_out


def _by_context(
    circle: NDArray[np.int64],
    n_labels: int,
    order: int,
    transmission: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return transmissions at label_0 + L (label_1 + L (label_2 + ...))."""
    index = np.zeros(len(circle), np.int64)
    for lag in range(order + 1):
        index += n_labels**lag * np.roll(circle, lag)
    out = np.empty(len(circle))
    out[index] = transmission
    return out
