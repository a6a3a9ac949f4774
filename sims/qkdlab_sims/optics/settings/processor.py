"""AES rounds of the processor inside compiled kernels, where it has them.

The code here describes instructions to numba. `has_aes` says whether the processor that
kernels are compiled for knows them; compiled for another, `encrypt_group` does nothing,
and nobody calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

__all__ = ["GROUP", "encrypt_group", "has_aes"]

GROUP = 16
"""Blocks that go through the rounds side by side."""

_N_ROUNDS = 10
_LANE = ir.IntType(64)
_STATE = ir.VectorType(_LANE, 2)
_INDEX = ir.IntType(32)
_WORDS = types.Array(types.uint64, 1, "C")


def has_aes() -> bool:
    """Return whether kernels are compiled for a processor with AES-NI."""
    return "+aes" in _features()


def _features() -> list[str]:
    target: Any = cpu_target
    _, _, features = target.target_context.codegen().magic_tuple()
    return cast("str", features).split(",")


def _indices(values: list[int]) -> Any:
    return ir.Constant(ir.VectorType(_INDEX, len(values)), values)


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Write the instructions of `encrypt_group`."""
    features = _features()
    if "+aes" not in features:
        return context.get_dummy_value()
    # 256 bits take two blocks through a round at once (VAES)
    width = 2 if "+vaes" in features else 1
    lanes, suffix = (4, ".256") if width == 2 else (2, "")
    wide = ir.VectorType(_LANE, lanes)
    nothing = ir.Constant(wide, ir.Undefined)
    keys, nonce, counters, before, at, stride, out = args
    key_data, counter_data, out_data = (
        context.make_array(_WORDS)(context, builder, array).data
        for array in (keys, counters, out)
    )

    def load(data: Any, place: Any, kind: Any) -> Any:
        pointer = builder.bitcast(builder.gep(data, [place]), kind.as_pointer())
        return builder.load(pointer, align=8)

    def key(i: int) -> Any:
        block = load(key_data, ir.Constant(_LANE, 2 * i), _STATE)
        indices = _indices([0, 1] * width)
        return builder.shuffle_vector(block, ir.Constant(_STATE, ir.Undefined), indices)

    nonces = builder.insert_element(nothing, builder.bswap(nonce), _INDEX(0))
    whitener = key(0)
    pairs = _indices([0, lanes, 0, lanes + 1][:lanes])
    kind = ir.VectorType(_LANE, width)
    swapping = ir.FunctionType(kind, [kind])
    swap = builder.module.declare_intrinsic(f"llvm.bswap.v{width}i64", (), swapping)
    less = ir.Constant(kind, ir.Undefined)
    for lane in range(width):
        less = builder.insert_element(less, before, _INDEX(lane))
    states = []
    for group in range(GROUP // width):
        place = builder.add(at, ir.Constant(_LANE, group * width))
        few = builder.sub(load(counter_data, place, kind), less)
        spread = _indices(list(range(width)) + [0] * (lanes - width))
        few = builder.shuffle_vector(
            builder.call(swap, [few]), ir.Constant(kind, ir.Undefined), spread
        )
        state = builder.shuffle_vector(nonces, few, pairs)
        states.append(builder.xor(state, whitener))
    shape = ir.FunctionType(wide, [wide, wide])
    a_round, the_last = (
        builder.module.declare_intrinsic(f"llvm.x86.aesni.{name}{suffix}", (), shape)
        for name in ("aesenc", "aesenclast")
    )
    for i in range(1, _N_ROUNDS + 1):
        round_key = key(i)
        step = a_round if i < _N_ROUNDS else the_last
        states = [builder.call(step, [state, round_key]) for state in states]
    for block in range(GROUP):
        state = states[block // width]
        half = _indices([2 * (block % width), 2 * (block % width) + 1])
        state = builder.shuffle_vector(state, nothing, half)
        place = builder.mul(stride, builder.add(at, ir.Constant(_LANE, block)))
        pointer = builder.bitcast(builder.gep(out_data, [place]), _STATE.as_pointer())
        builder.store(state, pointer, align=8)
    return context.get_dummy_value()


def _encrypt_group(
    typing_context: Any,
    round_keys: Any,
    nonce: Any,
    counters: Any,
    before: Any,
    at: Any,
    stride: Any,
    out: Any,
) -> tuple[Any, Any]:
    """Tell numba the types of `encrypt_group` and who writes it."""
    del typing_context, round_keys, nonce, counters, before, at, stride, out
    void: Any = types.void
    word: Any = types.uint64
    return void(_WORDS, word, _WORDS, word, word, word, _WORDS), _generate


encrypt_group = cast(
    "Callable[[Any, Any, Any, Any, Any, Any, Any], None]", intrinsic(_encrypt_group)
)
"""Write AES-128(key, nonce || counters[i] - before) for `GROUP` values of i from `at`.

Arguments: round_keys, uint64[22], 11 keys in the order of their bytes; nonce; counters,
uint64[n]; before; at; stride; out, of which out[stride i] and the next get the two
little-endian words of block i.
"""
