"""What all witnesses share: one served bench for each worker of the test run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from served import Served, own_loopback

HERE = Path(__file__).parent

# The QCoDeS client of the WebSQ knows the port of the counts only as a constant.
PORTS = {"bob.websq": {"control": 12000, "counts": 12345}}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the whole group; what other people's software deprecates is their affair."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.witness)
            item.add_marker(pytest.mark.xdist_group("witness"))
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Serve the small BB84 bench, with the real instrument's ports where needed."""
    config = tmp_path_factory.mktemp("witness") / "witness.yaml"
    simulation = {"ports": PORTS}
    config.write_text(
        json.dumps(
            {"extends": "bb84_tiny", "name": "witness", "simulation": simulation}
        )
    )
    with Served(config, "--seed", "7", "--bind", own_loopback()) as server:
        yield server


@pytest.fixture
def visa():
    """Give PyVISA resources over its pure Python backend; close them in the end."""
    import pyvisa

    manager = pyvisa.ResourceManager("@py")
    opened = []

    def open_resource(resource, **options):
        line = manager.open_resource(
            resource,
            **{
                "read_termination": "\n",
                "write_termination": "\n",
                "timeout": 5000,
                **options,
            },
        )
        opened.append(line)
        return line

    yield open_resource
    for line in opened:
        line.close()
