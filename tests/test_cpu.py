"""Which instructions kernels may use: those that are there and are compiled for."""

from __future__ import annotations

from typing import Any

import pytest
from llvmlite import binding
from numba.core.registry import cpu_target

from qkdlab import cpu

HOST = {"avx2": True, "pclmul": True, "avx512bw": False}


@pytest.mark.parametrize(
    ("compiled_for", "usable"),
    [
        ("+avx2,+pclmul,-avx512bw", {"avx2", "pclmul"}),
        ("+avx2,+pclmul,+avx512bw", {"avx2", "pclmul"}),
        ("-avx2,+pclmul", {"pclmul"}),
        ("+avx2x", set()),
        ("", set()),
    ],
)
def test_kernels_use_what_the_cpu_has_and_numba_compiles_for(
    compiled_for, usable, monkeypatch
):
    target: Any = cpu_target
    codegen = type(target.target_context.codegen())
    monkeypatch.setattr(codegen, "magic_tuple", lambda _: ("", "", compiled_for))
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: HOST)
    assert cpu.features.__wrapped__() == usable
