"""Words at any place of a row of bits, which numba reaches through LLVM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["load_four"]

_WORD, _SHORT = ir.IntType(64), ir.IntType(16)
_WORDS = types.Array(types.uint64, 1, "C")


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Write the instructions of `load_four`."""
    del signature
    words, at = args
    data = context.make_array(_WORDS)(context, builder, words).data
    shorts = builder.bitcast(data, _SHORT.as_pointer())
    pointer = builder.bitcast(builder.gep(shorts, [at]), _WORD.as_pointer())
    return builder.load(pointer, align=2)


def _load_four(typing_context: Any, words: Any, at: Any) -> tuple[Any, Any]:
    """Tell numba the types of `load_four` and who writes it."""
    del typing_context, words, at
    word: Any = types.uint64
    return word(_WORDS, word), _generate


load_four = cast("Callable[[Any, Any], Any]", intrinsic(_load_four))
"""Return four numbers of 16 bits in one word, words.view(uint16)[at] the lowest."""
