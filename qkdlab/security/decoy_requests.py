"""Requests of `keylength` with decoy states: what each theorem is given and answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qkdlab.errors import UsageError
from qkdlab.security import lim2014, rusca2018, tupkary2024
from qkdlab.security.assumptions import (
    ESTIMATE,
    NOT_A_CLAIM,
    Assumption,
    Status,
    bb84_assumptions,
)
from qkdlab.security.balls import floor_below
from qkdlab.security.fields import Fields
from qkdlab.security.mismatch import Detectors, equalise
from qkdlab.security.over_intensities import Least
from qkdlab.security.slacks import Slack
from qkdlab.security.two_decoys import TwoDecoyCounts

__all__ = ["decoy1", "decoy2", "decoy2_eur"]

_TEXT = Assumption(
    "formula compared with the paper",
    Status.VIOLATED,
    "taken from public code and transcriptions; the paper's text could not be read",
)

_EQUALISER = Assumption(
    "dark-count equaliser",
    Status.ASSUMED,
    "Bob adds the clicks at random to every gate before any is judged; not published,"
    " and no receiver here does it: for planning",
)


def decoy2(fields: Fields) -> dict[str, Any]:
    """Answer ``bb84-decoy2``, Lim 2014."""
    intensities, p = fields.intensities(3), fields.probabilities(3)
    n_key, n_test = fields.counts("n_key", 3), fields.counts("n_test", 3)
    m_test = fields.errors("m_test", "n_test", n_test)
    m_key = fields.errors("m_key", "n_key", n_key) if fields.has("m_key") else None
    epsilons = _epsilons(fields)
    leak = _leak(fields, n_key, m_key)
    fields.refuse_unknown()
    found = lim2014.key_length(
        TwoDecoyCounts(_three(n_key), _three(n_test), _three(m_test), p, p),
        intensities,
        leak_bits=leak,
        **epsilons,
    )
    head = ("bb84-decoy2", lim2014.THEOREM, NOT_A_CLAIM)
    return _answer(head, found, bb84_assumptions())


def decoy1(fields: Fields) -> dict[str, Any]:
    """Answer ``bb84-decoy1``, Rusca 2018."""
    intensities, p = fields.intensities(2), fields.probabilities(2)
    n_key, n_test = fields.counts("n_key", 2), fields.counts("n_test", 2)
    m_key = fields.errors("m_key", "n_key", n_key)
    m_test = fields.errors("m_test", "n_test", n_test)
    epsilons = _epsilons(fields)
    leak = _leak(fields, n_key, m_key)
    fields.refuse_unknown()
    found = rusca2018.key_length(
        rusca2018.Rusca2018Counts(
            _two(n_key), _two(m_key), _two(n_test), _two(m_test), p, p
        ),
        intensities,
        leak_bits=leak,
        **epsilons,
    )
    head = ("bb84-decoy1", rusca2018.THEOREM, ESTIMATE)
    return _answer(head, found, (_TEXT, *bb84_assumptions()))


def decoy2_eur(fields: Fields) -> dict[str, Any]:
    """Answer ``bb84-decoy2-eur``, arXiv:2408.17349."""
    intensities, p = fields.intensities(3), fields.probabilities(3)
    n_key, n_test = fields.counts("n_key", 3), fields.counts("n_test", 3)
    m_test = fields.errors("m_test", "n_test", n_test)
    epsilons = tupkary2024.Epsilons(
        decoy=fields.epsilon("epsilon_decoy"),
        sampling=fields.epsilon("epsilon_sampling"),
        mismatch_1=fields.epsilon("epsilon_mismatch1"),
        mismatch_2=fields.epsilon("epsilon_mismatch2"),
        pa=fields.epsilon("epsilon_pa"),
        ev=fields.epsilon("epsilon_ev"),
    )
    detectors, equaliser = _detectors(fields)
    slack = Slack(fields.one_of("slack", list(Slack)))
    leak = fields.count("leak_bits")
    committed = None
    if fields.has("committed_length"):
        committed = fields.count("committed_length")
    fields.refuse_unknown()
    found = tupkary2024.key_length(
        TwoDecoyCounts(_three(n_key), _three(n_test), _three(m_test), p, p),
        intensities,
        leak_bits=leak,
        epsilons=epsilons,
        detectors=detectors,
        slack=slack,
        committed_length=committed,
    )
    head = ("bb84-decoy2-eur", tupkary2024.THEOREM, ESTIMATE)
    assumed = (_TEXT, *tupkary2024.assumptions(detectors, slack))
    if equaliser:
        assumed = (*assumed, _EQUALISER)
    return _answer(head, found, assumed, slack=str(slack), **equaliser)


def _answer(
    head: tuple[str, str, str],
    found: lim2014.Lim2014Length | Least,
    assumptions: Iterable[Assumption],
    **more: Any,
) -> dict[str, Any]:
    """Return the answer; head: protocol, theorem, and what the length may be called."""
    return {
        **dict(zip(("protocol", "theorem", "label"), head, strict=True)),
        "secret_bits": found.secret_bits,
        "contradicted": found.contradicted,
        "intensities": list(found.intensities),
        **more,
        **found.bounds,
        "assumptions": [a.as_dict() for a in assumptions],
    }


def _detectors(fields: Fields) -> tuple[Detectors, dict[str, Any]]:
    """Return the detectors and what the answer says of their equaliser."""
    spread = fields.real("efficiency_spread", 0.0, 0.999, open_low=False)
    swap = fields.flag("swap")
    if not fields.has("dark_probabilities"):
        dark_spread = fields.real("dark_spread", 0.0, 0.999, open_low=False)
        dark = fields.real("dark_probability", 0.0, 0.5, open_low=False)
        return Detectors(spread, dark_spread, dark, swap), {}
    lists = [fields.take(f"dark_{name}") for name in ("probabilities", "uncertainties")]
    for name, value in zip(("probabilities", "uncertainties"), lists, strict=True):
        if not isinstance(value, list) or not all(
            isinstance(x, int | float) and 0 <= x <= 0.5 for x in value
        ):
            raise UsageError(f"dark_{name} must be a list of numbers from 0 to 0.5")
    made = equalise(*lists)
    answer = {
        "equaliser": list(made.extra),
        "dark_probability": made.dark_probability,
        "dark_spread": made.dark_spread,
    }
    return Detectors(spread, made.dark_spread, made.dark_probability, swap), answer


def _epsilons(fields: Fields) -> dict[str, float]:
    names = ("epsilon_secrecy", "epsilon_correctness")
    return {name: fields.epsilon(name) for name in names}


def _leak(fields: Fields, n_key: Sequence[int], m_key: Sequence[int] | None) -> int:
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


def _two(counts: Sequence[int]) -> tuple[int, int]:
    a, b = counts
    return a, b


def _three(counts: Sequence[int]) -> tuple[int, int, int]:
    a, b, c = counts
    return a, b, c
