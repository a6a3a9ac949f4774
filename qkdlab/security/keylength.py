"""`keylength`: secret bits from observed counts, without a bench.

The request and the answer are plain dicts, as read from and written to JSON. Every
field is checked: an unknown one is refused with a suggestion, a wrong one by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qkdlab.errors import UsageError
from qkdlab.plugins import did_you_mean
from qkdlab.security import tomamichel2012
from qkdlab.security.assumptions import NOT_A_CLAIM, bb84_assumptions
from qkdlab.security.decoy_requests import decoy1, decoy2, decoy2_eur
from qkdlab.security.fields import Fields, Request

__all__ = ["PROTOCOLS", "keylength"]


def keylength(request: Request) -> dict[str, Any]:
    """Return the length and every intermediate for a request.

    ``protocol`` is one of

    ``bb84-decoy2`` (Lim 2014): intensities (each a number or [low, high]),
    probabilities, n_key, m_key, n_test, m_test (each one number per intensity; m_key is
    needed with reconciliation_efficiency only);
    ``bb84-decoy1`` (Rusca 2018): likewise with two intensities, m_key always;
    ``bb84-decoy2-eur`` (arXiv:2408.17349): counts as bb84-decoy2 without m_key, then
    epsilon_decoy, epsilon_sampling, epsilon_mismatch1, epsilon_mismatch2, epsilon_pa,
    epsilon_ev, efficiency_spread, dark_spread, dark_probability, swap (true or false),
    slack (chernoff, hoeffding or exact), leak_bits; dark_probabilities and
    dark_uncertainties, one per detector, in place of dark_spread and dark_probability
    ask for an equaliser of dark counts; committed_length if one was committed;
    ``bb84-single-photon`` (Tomamichel 2012): n, k, qber_tolerated.

    All but bb84-decoy2-eur want epsilon_secrecy, epsilon_correctness and leak_bits
    (without verification); bb84-decoy2 and bb84-decoy1 take reconciliation_efficiency
    in its place.

    The answer holds secret_bits (an int), theorem, label, assumptions, and the
    intermediates by their names in the paper. Raises UsageError.
    """
    if not isinstance(request, Mapping):
        raise UsageError("the request must be a JSON object")
    protocol = request.get("protocol")
    if protocol is None:
        raise UsageError(f"protocol is missing; one of {', '.join(PROTOCOLS)}")
    if not isinstance(protocol, str) or protocol not in PROTOCOLS:
        raise UsageError(
            f"protocol {protocol!r} is unknown"
            f"{did_you_mean(str(protocol), PROTOCOLS)}; "
            f"one of {', '.join(PROTOCOLS)}"
        )
    return PROTOCOLS[protocol](Fields(request))


def _single_photon(fields: Fields) -> dict[str, Any]:
    n, k = fields.count("n", 1), fields.count("k", 1)
    qber = fields.real("qber_tolerated", 0.0, 0.5, open_low=False)
    epsilon_secrecy = fields.epsilon("epsilon_secrecy")
    epsilon_correctness = fields.epsilon("epsilon_correctness")
    leak = fields.count("leak_bits")
    fields.refuse_unknown()
    found = tomamichel2012.key_length(
        n,
        k,
        qber_tolerated=qber,
        leak_bits=leak,
        epsilon_secrecy=epsilon_secrecy,
        epsilon_correctness=epsilon_correctness,
    )
    return {
        "protocol": "bb84-single-photon",
        "theorem": tomamichel2012.THEOREM,
        "label": NOT_A_CLAIM,
        "secret_bits": found.secret_bits,
        **found.bounds,
        "assumptions": [a.as_dict() for a in bb84_assumptions(decoys=False)],
    }


PROTOCOLS: dict[str, Callable[[Fields], dict[str, Any]]] = {
    "bb84-decoy2": decoy2,
    "bb84-decoy1": decoy1,
    "bb84-decoy2-eur": decoy2_eur,
    "bb84-single-photon": _single_photon,
}
"""What `keylength` knows."""
