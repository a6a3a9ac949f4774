"""A world of tests kept in memory, to be gone on from many times."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkdlab.distill.cascade.half import Tables
from qkdlab.distill.ldpc.code import Code
from qkdlab.distill.ldpc.plan import FramePlan
from qkdlab.link.ledger import LeakEntry
from qkdlab.link.plan import BlockPlan

__all__ = ["TABLES", "Moment"]

TABLES = (BlockPlan, LeakEntry, Tables, Code, FramePlan)
"""Public, and never changed: all copies share them."""


class _Pickler(pickle.Pickler):
    """Leaves out what is kept; arrays own their memory, and share it, as they did."""

    def __init__(self, stream: io.BytesIO, kept: dict[int, object]) -> None:
        super().__init__(stream, protocol=5)
        self._kept = kept

    def persistent_id(self, obj: object) -> int | None:
        if isinstance(obj, TABLES):
            self._kept[id(obj)] = obj
        return id(obj) if id(obj) in self._kept else None

    def reducer_override(self, obj: object) -> object:
        if type(obj) is not np.ndarray:
            return NotImplemented
        root = obj
        while type(root.base) is np.ndarray:
            root = root.base
        if root is obj or not root.flags.c_contiguous:
            return _array, (obj.tobytes(), obj.dtype.str, obj.shape)
        at = obj.ctypes.data - root.ctypes.data
        return _view, (root, obj.dtype.str, obj.shape, obj.strides, at)


def _array(data: bytes, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _view(root: np.ndarray, dtype: str, shape, strides, at: int) -> np.ndarray:
    return np.ndarray(shape, dtype, root, at, strides)


@dataclass(frozen=True)
class Moment:
    """A thing as it was; ten times as quick to go on from as a deep copy.

    data: its state; kept: what all copies share, by its id
    """

    data: bytes
    kept: dict[int, object]

    @classmethod
    def of(cls, thing: object, *shared: object) -> Moment:
        """Keep a thing as it is; `shared` is not copied."""
        kept = {id(each): each for each in shared}
        stream = io.BytesIO()
        _Pickler(stream, kept).dump(thing)
        return cls(stream.getvalue(), kept)

    def copy(self) -> Any:
        """Return one that goes on by itself from here."""
        unpickler = pickle.Unpickler(io.BytesIO(self.data))
        unpickler.persistent_load = self.kept.__getitem__
        return unpickler.load()
