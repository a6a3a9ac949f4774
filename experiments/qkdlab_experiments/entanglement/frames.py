"""Whether two analysers that are turned together see pairs alike at every angle."""

from __future__ import annotations

import math

from qkdlab.errors import UsageError
from qkdlab_experiments.entanglement.correlations import Fringe

__all__ = ["REMEDY", "TURN_DEG", "refuse_unlike"]

TURN_DEG = 45.0
"""Of Alice's analyser between both fringes: from H and V to D and A."""

REMEDY = (
    "compensate the polarization of both fibres, so that linear stays linear, and make "
    "the pairs HH + VV, or HV - VH"
)
_SIGMAS = 5.0


def refuse_unlike(rest: Fringe, turned: Fringe) -> None:
    """Raise UsageError where the fringe does not follow Alice's analyser.

    rest, turned: with her analyser at 0 and at `TURN_DEG`

    The correlation of any two qubits at linear analysers is x(a) M x(b) with
    x(a) = (cos 2a, sin 2a) and a real 2x2 matrix M; fringes at 0 and 45 degrees are
    its rows. Four settings 22.5 degrees apart have S = 2 sqrt(2) V only if M is V times
    a rotation: rows equally long, the second turned by twice 45 degrees. HV + VH and
    HH - VV mirror instead and have S = 0; a fibre that makes D and A circular leaves
    sqrt(2) V. Both have a good fringe at 0.
    """
    moved_deg = turned.centre_deg.value - rest.centre_deg.value
    off_deg = math.remainder(moved_deg - TURN_DEG, 180.0)
    off_sigma_deg = math.hypot(
        rest.centre_deg.uncertainty, turned.centre_deg.uncertainty
    )
    less = rest.visibility.value - turned.visibility.value
    less_sigma = math.hypot(rest.visibility.uncertainty, turned.visibility.uncertainty)
    if abs(off_deg) > _SIGMAS * off_sigma_deg or abs(less) > _SIGMAS * less_sigma:
        raise UsageError(
            "the pairs look different to analysers that are turned together: as "
            f"Alice's turns by {TURN_DEG:g} deg, Bob's fringe turns by "
            f"{TURN_DEG + off_deg:.3g} deg within {off_sigma_deg:.2g}, and its "
            f"visibility goes from {rest.visibility.value:.3g} to "
            f"{turned.visibility.value:.3g} within {less_sigma:.2g}; {REMEDY}"
        )
