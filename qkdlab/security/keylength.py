"""`keylength`: secret bits from observed counts, without a bench.

The request and the answer are plain dicts, as read from and written to JSON. Every
field is checked: an unknown one is refused with a suggestion, a wrong one by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from qkdlab.errors import UsageError
from qkdlab.plugins import did_you_mean, suggest
from qkdlab.security import lim2014, tomamichel2012
from qkdlab.security.assumptions import NOT_A_CLAIM, bb84_assumptions
from qkdlab.security.balls import floor_below

__all__ = ["PROTOCOLS", "keylength"]

Request = Mapping[str, Any]
_BITS_MAX = 10**15


def keylength(request: Request) -> dict[str, Any]:
    """Return the length and every intermediate for a request.

    ``protocol`` is ``bb84-decoy2`` (Lim 2014) with intensities (each a number or
    [low, high]), probabilities, n_key, m_key, n_test, m_test (each one number per
    intensity; m_key is needed with reconciliation_efficiency only), or
    ``bb84-single-photon`` (Tomamichel 2012) with n, k, qber_tolerated. Both want
    epsilon_secrecy, epsilon_correctness and leak_bits (without verification);
    bb84-decoy2 takes reconciliation_efficiency in its place.

    The answer holds secret_bits (an int), theorem, label, assumptions, and the
    intermediates by their names in the paper. Raises UsageError.
    """
    if not isinstance(request, Mapping):
        raise UsageError("the request must be a JSON object")
    protocol = request.get("protocol")
    if protocol is None:
        raise UsageError(f"protocol is missing; one of {', '.join(PROTOCOLS)}")
    if protocol not in PROTOCOLS:
        raise UsageError(
            f"protocol {protocol!r} is unknown"
            f"{did_you_mean(str(protocol), PROTOCOLS)}; "
            f"one of {', '.join(PROTOCOLS)}"
        )
    return PROTOCOLS[protocol](_Fields(request))


class _Fields:
    """Typed access to a request; knows which fields were asked for."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._known = {"protocol"}

    def has(self, name: str) -> bool:
        self._known.add(name)
        return name in self._request

    def take(self, name: str) -> Any:
        if not self.has(name):
            near = suggest(name, [k for k in self._request if k not in self._known])
            hint = f" (rename {near!r}?)" if near is not None else ""
            raise UsageError(f"{name} is missing{hint}")
        return self._request[name]

    def refuse_unknown(self) -> None:
        for name in self._request:
            if name not in self._known:
                raise UsageError(
                    f"{name!r} is not a field of this protocol"
                    f"{did_you_mean(str(name), self._known)}"
                )

    def real(self, name: str, low: float, high: float, *, open_low: bool) -> float:
        return _real(name, self.take(name), low, high, open_low=open_low)

    def count(self, name: str, low: int = 0) -> int:
        return _count(name, self.take(name), low)

    def triple(self, name: str) -> list[Any]:
        value = self.take(name)
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise UsageError(f"{name} must be a list of three, one per intensity")
        return list(value)

    def counts(self, name: str) -> tuple[int, int, int]:
        a, b, c = (
            _count(f"{name}[{i}]", x, 0) for i, x in enumerate(self.triple(name))
        )
        return a, b, c


def _real(name: str, value: Any, low: float, high: float, *, open_low: bool) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    # comparing first keeps integers beyond every float away from the conversion
    inside = good and low <= value <= high and math.isfinite(value)
    if not inside or (open_low and value == low):
        relation = "above" if open_low else "at least"
        raise UsageError(
            f"{name} must be a number {relation} {low:g} and at most {high:g}, "
            f"not {value!r}"
        )
    return float(value)


def _count(name: str, value: Any, low: int) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, float) and value.is_integer():
        whole = True
    if not whole or not low <= value <= _BITS_MAX:
        raise UsageError(f"{name} must be a whole number from {low} up, not {value!r}")
    return int(value)


def _epsilons(fields: _Fields) -> tuple[float, float]:
    # 1 is excluded by the caller's sense, not by the formulas
    return (
        fields.real("epsilon_secrecy", 0.0, 0.5, open_low=True),
        fields.real("epsilon_correctness", 0.0, 0.5, open_low=True),
    )


def _decoy2(fields: _Fields) -> dict[str, Any]:
    intensities = [
        _intensity(f"intensities[{i}]", mu)
        for i, mu in enumerate(fields.triple("intensities"))
    ]
    probabilities = [
        _real(f"probabilities[{i}]", p, 0.0, 1.0, open_low=True)
        for i, p in enumerate(fields.triple("probabilities"))
    ]
    if abs(math.fsum(probabilities) - 1) > 1e-9:
        raise UsageError("probabilities must add up to 1")
    n_key, n_test = fields.counts("n_key"), fields.counts("n_test")
    m_test = fields.counts("m_test")
    _check_errors("m_test", m_test, "n_test", n_test)
    m_key = fields.counts("m_key") if fields.has("m_key") else None
    if m_key is not None:
        _check_errors("m_key", m_key, "n_key", n_key)
    epsilon_secrecy, epsilon_correctness = _epsilons(fields)
    leak = _leak(fields, n_key, m_key)
    fields.refuse_unknown()
    found = lim2014.key_length(
        lim2014.Lim2014Counts(n_key, n_test, m_test, probabilities, probabilities),
        intensities,
        leak_bits=leak,
        epsilon_secrecy=epsilon_secrecy,
        epsilon_correctness=epsilon_correctness,
    )
    return {
        "protocol": "bb84-decoy2",
        "theorem": lim2014.THEOREM,
        "label": NOT_A_CLAIM,
        "secret_bits": found.secret_bits,
        "contradicted": found.contradicted,
        "intensities": list(found.intensities),
        **found.bounds,
        "assumptions": [a.as_dict() for a in bb84_assumptions()],
    }


def _intensity(name: str, value: Any) -> tuple[float, float]:
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise UsageError(f"{name} must be a number or [low, high]")
        low, high = (_real(name, end, 0.0, 10.0, open_low=False) for end in value)
        if low > high:
            raise UsageError(f"{name} must run from low to high, not {value!r}")
        return low, high
    mu = _real(name, value, 0.0, 10.0, open_low=False)
    return mu, mu


def _check_errors(
    name: str, errors: tuple[int, ...], whole: str, events: tuple[int, ...]
) -> None:
    if any(m > n for m, n in zip(errors, events, strict=True)):
        raise UsageError(f"{name} holds more errors than {whole} holds events")


def _leak(
    fields: _Fields, n_key: tuple[int, ...], m_key: tuple[int, ...] | None
) -> int:
    planned = fields.has("reconciliation_efficiency")
    if planned == fields.has("leak_bits"):
        raise UsageError("give either leak_bits or reconciliation_efficiency")
    if not planned:
        return fields.count("leak_bits")
    efficiency = fields.real("reconciliation_efficiency", 1.0, 10.0, open_low=False)
    if m_key is None:
        raise UsageError("reconciliation_efficiency wants m_key, the key's errors")
    leak = lim2014.reconciliation_leak(sum(n_key), sum(m_key), efficiency)
    return -(floor_below((-leak).value) or 0)


def _single_photon(fields: _Fields) -> dict[str, Any]:
    n, k = fields.count("n", 1), fields.count("k", 1)
    qber = fields.real("qber_tolerated", 0.0, 0.5, open_low=False)
    epsilon_secrecy, epsilon_correctness = _epsilons(fields)
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


PROTOCOLS: dict[str, Callable[[_Fields], dict[str, Any]]] = {
    "bb84-decoy2": _decoy2,
    "bb84-single-photon": _single_photon,
}
"""What `keylength` knows."""
