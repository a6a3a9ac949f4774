"""What all tests share: property tests repeat exactly and know no deadline."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("qkdlab", deadline=None, derandomize=True)
settings.load_profile("qkdlab")

SLOW_TIMEOUT_S = 1800
"""Of a slow test that names no other; a module's fixture may calibrate many benches."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests the time that they need on two busy cores."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))
