"""`Document`: plain data from YAML, where every key and value knows its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qkdlab.problems import KeyPath, Position

__all__ = ["Document", "Spot"]


class Spot(NamedTuple):
    """Where a key and its value stand; the same place for an item of a list."""

    key: Position
    value: Position


@dataclass
class Document:
    """Mappings (with text keys), lists and scalars, and the place of each by path."""

    data: Any
    spots: dict[KeyPath, Spot] = field(default_factory=dict)

    def key_position(self, path: KeyPath) -> Position:
        """Return the place of the key at `path`, or of the nearest thing around it."""
        return self._spot(path).key

    def value_position(self, path: KeyPath) -> Position:
        """Return the place of the value at `path`, or of the nearest around it."""
        if path in self.spots:
            return self.spots[path].value
        return self._spot(path).key

    def _spot(self, path: KeyPath) -> Spot:
        while path not in self.spots and path:
            path = path[:-1]
        return self.spots.get(path, Spot(Position(""), Position("")))

    def get(self, path: KeyPath) -> Any:
        """Return the value at `path`; None where there is none."""
        found = self.data
        for step in path:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int):
                found = found[step] if step < len(found) else None
            else:
                return None
        return found

    def forget(self, path: KeyPath) -> None:
        """Drop the places of everything below and at `path`."""
        n = len(path)
        for known in [p for p in self.spots if p[:n] == path]:
            del self.spots[known]

    def graft(self, path: KeyPath, other: Document, source: KeyPath) -> None:
        """Take over the places of what stands at `source` in `other`."""
        n = len(source)
        for known, spot in other.spots.items():
            if known[:n] == source:
                self.spots[path + known[n:]] = spot
