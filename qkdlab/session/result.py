"""The result of a run: one JSON object, and the audit of equal keys.

Its names are stable (README, "Result of a run"); other programs read them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qkdlab.errors import (
    AbortCode,
    QkdlabError,
    ResourceError,
    SecurityAbort,
    VerifyError,
)
from qkdlab.security.assumptions import taken_together
from qkdlab.security.epsilon import EpsilonBudget

if TYPE_CHECKING:
    from qkdlab.link.effects import KeyBlock

__all__ = [
    "PartyOutcome",
    "audit",
    "build_result",
    "key_digest",
    "keys_match",
    "plain",
    "write_result",
]

_FIGURES: dict[str, Any] = {
    "protocol": None,
    "seed": None,
    "duration_s": None,
    "wall_s": None,
    "pulses": None,
    "clicks": None,
    "gains": {},
    "qber": {},
    "sifted_bits": 0,
    "leaked_bits": 0,
    "secret_bits": 0,
    "claimable_secret_bits": 0,
    "key_class": None,
    "auth_bits_spent": 0,
    "net_secret_bits": 0,
    "secret_key_rate_bps": 0.0,
    "blocks": [],
    "keys_match": None,
    "key_ids": [],
    "epsilon": {},
    "theorem": None,
    "assumptions": [],
    "aborted": None,
    "run_files": {},
}
"""Every result has these, whatever became of the run."""


_CLAIMABLE = "claimable_secret_bits"


@dataclass
class PartyOutcome:
    """What one party brought home.

    figures: public figures of its program and its recorder
    keys:    the keys that it stored, in order
    epsilon_authentication: that any tag was forged; None where no bound is known
    """

    figures: dict[str, Any] = field(default_factory=dict)
    keys: list[KeyBlock] = field(default_factory=list)
    auth_bits_spent: int = 0
    epsilon_authentication: float | None = 0.0
    run_file: Path | None = None


def build_result(
    parties: Mapping[str, PartyOutcome],
    facts: Mapping[str, Any],
    aborted: SecurityAbort | None,
) -> dict[str, Any]:
    """Return the result: figures on which the parties agree, then the run's own facts.

    facts: names of the result known to the session (seed, class, ...); ``duration_s``
           is that of one key block

    Figures that only one party knows are taken as they are; where parties differ,
    each keeps its own under ``parties``. Of an assumption that they see differently the
    worse status counts, and so it is with what the key may be called.
    """
    result = {**_FIGURES, **_merged(parties)}
    held = [p.keys for p in parties.values()]
    # One party alone cannot know; that both end with the same ids was asked.
    match = keys_match(held) if len(held) > 1 else None
    secret_bits = 0 if match is False else _stored_bits(parties)
    spent = max((p.auth_bits_spent for p in parties.values()), default=0)
    result |= facts
    n_blocks = max(1, len(result["blocks"]))
    duration_s = facts.get("duration_s")
    duration_s = n_blocks * duration_s if duration_s else duration_s
    result |= {
        "duration_s": duration_s,
        "secret_bits": secret_bits,
        "auth_bits_spent": spent,
        "net_secret_bits": secret_bits - spent,
        "secret_key_rate_bps": secret_bits / duration_s if duration_s else 0.0,
        "keys_match": match,
        "key_ids": [] if match is False else [key.key_id for key in held[0]],
        "epsilon": _epsilon(parties, result["epsilon"]),
        "aborted": None if aborted is None else aborted.fields(),
        "run_files": {
            name: str(p.run_file)
            for name, p in parties.items()
            if p.run_file is not None
        },
    }
    is_secure = facts.get("key_class") == "secure"
    if not (is_secure and secret_bits and aborted is None):
        result["claimable_secret_bits"] = 0
    return dict(plain(result))


def audit(parties: Mapping[str, PartyOutcome]) -> QkdlabError | None:
    """Return what is wrong with keys or ledgers that both parties ended with."""
    if keys_match([p.keys for p in parties.values()]) is False:
        return VerifyError("audit: the parties hold different keys; use neither")
    leaked = {
        p.figures["leaked_bits"] for p in parties.values() if "leaked_bits" in p.figures
    }
    if len(leaked) > 1:
        return SecurityAbort(
            AbortCode.LEDGER_MISMATCH, "audit: the parties' leak ledgers differ"
        )
    return None


def keys_match(keys: Sequence[Sequence[KeyBlock]]) -> bool | None:
    """Tell whether all parties hold the same keys; None when nobody holds any.

    Only digests are compared, so no key is at hand when they differ.
    """
    digests = [[key_digest(key) for key in held] for held in keys]
    if not any(digests):
        return None
    return all(held == digests[0] for held in digests)


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: numpy scalars and arrays unpacked, NaN null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def write_result(folder: Path, result: Mapping[str, Any]) -> Path:
    """Write ``result.json`` whole or not at all; return its path.

    Raises ResourceError when it cannot be written.
    """
    path = folder / "result.json"
    part = folder / "result.json.part"
    try:
        part.touch(mode=0o600)
        part.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", "utf-8")
        part.replace(path)
    except OSError as error:
        raise ResourceError(
            f"{path}: cannot write the result: {error.strerror}"
        ) from None
    return path


def _merged(parties: Mapping[str, PartyOutcome]) -> dict[str, Any]:
    figures = {name: plain(p.figures) for name, p in parties.items()}
    blocks = _blocks([known.pop("blocks", []) for known in figures.values()])
    merged: dict[str, Any] = {"blocks": blocks} if blocks else {}
    apart: dict[str, dict[str, Any]] = {}
    for key in dict.fromkeys(k for known in figures.values() for k in known):
        values = [known[key] for known in figures.values() if key in known]
        if all(value == values[0] for value in values):
            merged[key] = values[0]
        else:
            for name, known in figures.items():
                if key in known:
                    apart.setdefault(name, {})[key] = known[key]
    differing = {key for known in apart.values() for key in known}
    least = taken_together(list(figures.values()))
    merged |= {key: value for key, value in least.items() if key in differing}
    if apart:
        merged["parties"] = apart
    return merged


def _blocks(lists: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return every block once, with what the parties together know of it.

    Of its end the party knows best that has numbers for it; what may be claimed is the
    least that one of them says.
    """
    blocks: list[dict[str, Any]] = []
    for n in range(max(map(len, lists), default=0)):
        told = [known[n] for known in lists if n < len(known)]
        block = {key: value for known in reversed(told) for key, value in known.items()}
        ends = [known["aborted"] for known in told if known.get("aborted")]
        claimable = [k[_CLAIMABLE] for k in told if _CLAIMABLE in k]
        if claimable:
            block[_CLAIMABLE] = min(claimable)
        block["aborted"] = max(ends, key=lambda e: len(e["numbers"]), default=None)
        blocks.append(block)
    return blocks


def _epsilon(
    parties: Mapping[str, PartyOutcome], known: Mapping[str, float]
) -> dict[str, float]:
    """Return the failure probabilities, and their sum when all are known."""
    of_parties = [p.epsilon_authentication for p in parties.values()]
    bounds = [epsilon for epsilon in of_parties if epsilon is not None]
    if len(bounds) < len(of_parties):
        return dict(known)
    tags = max(bounds, default=0.0)
    if not {"correctness", "secrecy"} <= set(known):
        return {**known, "authentication": tags}
    budget = EpsilonBudget(known["correctness"], known["secrecy"], {"tags": tags})
    return budget.as_dict()


def _stored_bits(parties: Mapping[str, PartyOutcome]) -> int:
    return sum(key.length for key in next(iter(parties.values())).keys)


def key_digest(key: KeyBlock) -> str:
    """Return the SHA-256 of a key and what belongs to it, in hexadecimal."""
    head = f"{key.key_id}|{key.block}|{key.length}|{key.key_class}|".encode()
    return hashlib.sha256(head + key.bits.to_bytes()).hexdigest()
