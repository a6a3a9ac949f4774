"""Kernels work where compiled code cannot be kept, and say so."""

from __future__ import annotations

import numba
import pytest

import qkdlab.jit
import qkdlab_sims.optics.jit

DECORATORS = [
    qkdlab.jit.kernel,
    qkdlab_sims.optics.jit.kernel,
    qkdlab_sims.optics.jit.inlined,
]


def plain(x: float) -> float:
    return 1.0 / x


def without_cache(cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = numba.njit

    def njit(*arguments: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError(cause)
        return original(*arguments, **options)

    monkeypatch.setattr(numba, "njit", njit)


@pytest.mark.parametrize("decorate", DECORATORS)
def test_a_kernel_divides_by_zero_as_numpy_does(decorate):
    assert decorate(plain)(0.0) == float("inf")


@pytest.mark.parametrize("decorate", DECORATORS)
def test_without_a_folder_for_its_cache_a_kernel_is_compiled_anew(
    decorate, monkeypatch
):
    without_cache("cannot cache function 'plain': no locator", monkeypatch)
    with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR"):
        compiled = decorate(plain)
    assert compiled(4.0) == 0.25


@pytest.mark.parametrize("decorate", DECORATORS)
def test_any_other_failure_is_not_hidden(decorate, monkeypatch):
    without_cache("out of sorts", monkeypatch)
    with pytest.raises(RuntimeError, match="out of sorts"):
        decorate(plain)
