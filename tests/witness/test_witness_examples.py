"""The documentation's scripts, run as they stand: PyVISA alone, pyserial alone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(served, tmp_path):
    """Give a function that runs an example and returns what it printed."""
    addresses = tmp_path / "addresses.json"
    addresses.write_text(served.line)

    def run(name, *arguments):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / name), str(addresses), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return dict(line.split(": ", 1) for line in done.stdout.splitlines())

    return run


def test_pyvisa_drives_the_generator_and_reads_the_meter(example):
    told = example("plain_pyvisa.py")
    assert "33622A" in told["generator"]
    assert told["frequency"] == "1000000.0 Hz"
    assert told["errors"] == '+0,"No error"'
    assert "PM100D" in told["meter"]
    assert re.fullmatch(r"-?[\d.]+(e-\d+)? W", told["power"])


@pytest.mark.parametrize("way", ["pty", "rfc2217"])
def test_pyserial_turns_a_rotation_mount(example, way):
    told = example("plain_pyserial.py", way)
    assert told["identity"].startswith("1IN0E")
    assert told["home"].startswith("1PO")
    angle = float(told["angle"].removesuffix(" degrees"))
    assert angle == pytest.approx(45.0, abs=0.05)
