"""AES rounds of the processor inside compiled kernels, where it has them.

The code here describes instructions to numba. `has_aes` says whether the processor that
kernels are compiled for knows them; compiled for another, the same functions give
zeros, and nobody calls them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

__all__ = ["aes_block", "has_aes"]

_N_ROUNDS = 10
_LANE = ir.IntType(64)
_STATE = ir.VectorType(_LANE, 2)
_INDEX = ir.IntType(32)
_ROUND_KEYS = types.Array(types.uint64, 1, "C")
_BLOCK: Any = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]


def has_aes() -> bool:
    """Return whether kernels are compiled for a processor with AES-NI."""
    target: Any = cpu_target
    _, _, features = target.target_context.codegen().magic_tuple()
    return "+aes" in features.split(",")


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Write the instructions of `aes_block`."""
    zero = ir.Constant(_LANE, 0)
    if not has_aes():
        return context.make_tuple(builder, _BLOCK, [zero, zero])
    keys, nonce, counter = args
    data = context.make_array(_ROUND_KEYS)(context, builder, keys).data
    pointer = builder.bitcast(data, _STATE.as_pointer())
    state = ir.Constant(_STATE, ir.Undefined)
    for lane, word in enumerate((nonce, counter)):
        state = builder.insert_element(
            state, builder.bswap(word), ir.Constant(_INDEX, lane)
        )
    shape = ir.FunctionType(_STATE, [_STATE, _STATE])
    a_round, the_last = (
        builder.module.declare_intrinsic(f"llvm.x86.aesni.{name}", (), shape)
        for name in ("aesenc", "aesenclast")
    )

    def key(i: int) -> Any:
        place = builder.gep(pointer, [ir.Constant(_INDEX, i)])
        return builder.load(place, align=8)

    state = builder.xor(state, key(0))
    for i in range(1, _N_ROUNDS):
        state = builder.call(a_round, [state, key(i)])
    state = builder.call(the_last, [state, key(_N_ROUNDS)])
    words = [builder.extract_element(state, ir.Constant(_INDEX, i)) for i in (0, 1)]
    return context.make_tuple(builder, _BLOCK, words)


def _aes_block(
    typing_context: Any, round_keys: Any, nonce: Any, counter: Any
) -> tuple[Any, Any]:
    """Tell numba the types of `aes_block` and who writes it."""
    del typing_context, round_keys, nonce, counter
    return _BLOCK(_ROUND_KEYS, types.uint64, types.uint64), _generate


aes_block = cast("Callable[[Any, Any, Any], tuple[Any, Any]]", intrinsic(_aes_block))
"""Return AES-128(key, nonce || counter) as two little-endian words.

Arguments: round_keys, uint64[22], 11 keys in the order of their bytes; nonce, counter.
"""
