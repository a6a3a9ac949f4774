"""Hashes of what a run file holds beside its tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from qkdlab.runfile.schema import ROOT

__all__ = ["HASHES", "content_hashes"]

HASHES = "hashes"
"""The dataset that keeps them: JSON, by path below `ROOT`."""


def content_hashes(
    file: Any, known: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return the SHA-256 of every dataset below `ROOT`, by its path there.

    known: hashes of what need not be read
    """
    found: dict[str, str] = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and name in known:
            found[name] = known[name]
        elif isinstance(node, h5py.Dataset) and name != HASHES:
            content = np.ascontiguousarray(node[()]).tobytes()
            found[name] = hashlib.sha256(content).hexdigest()

    file[ROOT].visititems(visit)
    return found
