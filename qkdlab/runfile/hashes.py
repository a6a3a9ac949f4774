"""Hashes of what a run file holds beside its tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import h5py

from qkdlab.runfile.schema import ROOT
from qkdlab.runfile.unpack import hashable_parts

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
            digest = hashlib.sha256()
            for part in hashable_parts(node):
                digest.update(part.tobytes())
            found[name] = digest.hexdigest()

    file[ROOT].visititems(visit)
    return found
