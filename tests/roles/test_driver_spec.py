"""What a driver's specification knows without the driver."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from qkdlab.errors import ResourceError
from qkdlab.roles.spec import DriverSpec


def spec(target: str) -> DriverSpec:
    return DriverSpec("fake.awg", "F1", ("PatternGenerator",), {}, BaseModel, target)


def test_a_driver_is_imported_when_it_is_loaded():
    assert spec("fractions:Fraction").load()(1, 2) == 0.5


def test_a_home_that_cannot_be_written_is_told_with_what_to_do(monkeypatch):
    def refuse(module: str) -> None:
        raise PermissionError(13, "Permission denied", "/nonexistent")

    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(ResourceError) as caught:
        spec("fake:Driver").load()
    assert "fake.awg: cannot load the driver: /nonexistent: " in str(caught.value)
    assert "QCODES_USER_PATH" in str(caught.value)
