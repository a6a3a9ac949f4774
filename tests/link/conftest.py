from __future__ import annotations

import pytest
from link.synthetic import make_block, talk


@pytest.fixture(scope="session")
def block():
    return make_block()


@pytest.fixture(scope="session")
def finished(block):
    """One block from hello to key; read only."""
    return talk(block).run()
