"""Commands for a person at the bench, on a bench that another process serves."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from served import Served

from qkdlab.cli.main import main

DEADLINE_S = 120
BENCH = "bb84_tiny"
ATTENUATION = "alice.attenuator.attenuation_db"

pytestmark = [pytest.mark.xdist_group("served")]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Serve the bench; give the file of its addresses."""
    path = tmp_path_factory.mktemp("served") / "addresses.json"
    with Served(BENCH, "--addresses", str(path)):
        yield str(path)


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "qkdlab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(capsys, *arguments, code=0):
    """Run a command of its own connection in this process; return its stdout."""
    assert main(list(arguments)) == code, capsys.readouterr().err
    return capsys.readouterr().out


def test_what_one_command_sets_the_next_one_reads_and_safe_ends(addresses, capsys):
    shutter, at = "alice.attenuator.shutter_open", ("--attach", addresses)
    assert said(capsys, "set", BENCH, ATTENUATION, "7.5", *at) == "7.5 dB\n"
    assert said(capsys, "set", BENCH, shutter, "on", *at) == "on\n"
    assert said(capsys, "get", BENCH, ATTENUATION, *at) == "7.5 dB\n"
    told = said(capsys, "safe", BENCH, "--party", "alice", "--json", *at)
    assert json.loads(told)["safe"] is True
    assert said(capsys, "get", BENCH, shutter, *at) == "off\n"


def test_a_scan_reads_what_it_sets_on_a_served_bench(addresses, capsys):
    delay = "alice.sync_delay.ab_delay_ps"
    scan = ("scan", BENCH, delay, "0", "1000", "3", "--read", delay, "--json")
    answer = json.loads(said(capsys, *scan, "--attach", addresses))
    assert answer["points"] == [[0, 0], [500, 500], [1000, 1000]]


@pytest.mark.parametrize("command", ["monitor", "scan"])
def test_a_signal_ends_watching_and_scanning_and_leaves_the_bench(
    addresses, capsys, command
):
    shutter = "alice.attenuator.shutter_open"
    said(capsys, "set", BENCH, shutter, "on", "--attach", addresses)
    arguments = {
        "monitor": ("monitor", BENCH, "--every", "0.1", "--json"),
        "scan": (
            *("scan", BENCH, ATTENUATION, "0", "1", "100000"),
            *("--read", ATTENUATION),
        ),
    }[command]
    process = start(*arguments, "--attach", addresses)
    stop = threading.Timer(DEADLINE_S, process.kill)
    stop.start()
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        stop.cancel()
        process.kill()
    assert all(lines), err
    assert process.returncode == {"monitor": 0, "scan": 130}[command], err
    assert "Traceback" not in err
    if command == "monitor":
        assert all(json.loads(line)["values"] for line in [*lines, *out.splitlines()])
    assert said(capsys, "get", BENCH, shutter, "--attach", addresses) == "on\n"


def test_addresses_that_are_not_there_are_told(tmp_path, capsys):
    missing = str(tmp_path / "none.json")
    said(capsys, "get", BENCH, ATTENUATION, "--attach", missing, code=5)
