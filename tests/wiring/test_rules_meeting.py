"""Rules of two lasers that meet."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from qkdlab.config.load import load
from qkdlab.wiring.rules import check

TEXT = files("qkdlab_configs").joinpath("hom.yaml").read_text()
REFERENCE = "    - {from: clock_a.ref_out, to: clock_b.ref_in, kind: reference}\n"


def messages(folder: Path, old: str, new: str) -> list[str]:
    assert TEXT.count(old) == 1
    path = folder / "bench.yaml"
    path.write_text(TEXT.replace(old, new))
    return [problem.message for problem in check(load(str(path)))]


def test_clocks_without_a_common_reference_are_refused(tmp_path) -> None:
    (message,) = messages(tmp_path, REFERENCE, "")
    assert "lead a reference from clock_a.ref_out to clock_b.ref_in" in message


@pytest.mark.parametrize("port", ["tagger.input3", "d_2.out"])
def test_light_that_meets_no_other_is_refused(tmp_path, port) -> None:
    found = messages(tmp_path, "to: splitter.in2", f"to: {port}")
    assert sum("meets no other light" in message for message in found) == 2
