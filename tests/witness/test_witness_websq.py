"""The maker's client of the WebSQ, as qcodes_contrib_drivers carries it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parent / "websq_client.py"


@pytest.fixture(scope="module")
def found(served):
    """Return what the client found out."""
    host, port = served.host_and_port("bob.websq")
    done = subprocess.run(
        [sys.executable, str(CLIENT), host, str(port)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_learns_how_many_detectors_there_are(found):
    assert found["detectors"] == 4


def test_it_sets_bias_trigger_and_period(found):
    assert found["bias_ua"] == [10.0, 11.0, 12.0, 13.0]
    assert found["trigger_mv"] == [90.0, 91.0, 92.0, 93.0]
    assert found["period_ms"] == 50


def test_it_hears_the_counts_of_all_detectors(found):
    times, *counts = found["counts"]
    assert len(counts) == 4
    assert len(times) == 3
    assert times[2] - times[0] == pytest.approx(0.1, abs=0.06)
    assert all(n >= 0 for per_detector in counts for n in per_detector)


def test_it_reads_a_few_millivolts_over_wires_that_conduct(found):
    assert len(found["voltages_mv"]) == 4
    assert all(0.0 <= v < 50.0 for v in found["voltages_mv"])
