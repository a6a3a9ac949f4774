"""`alice` and `bob` as real processes on one served bench, and what can happen to one.

Whoever is left ends with its exit code in time, its instruments safe, its files whole.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import tcp_proxy
from served import Served
from tcp_proxy import FORTH, Proxy

from qkdlab.cli.main import main
from qkdlab.runfile.reader import open_run

DEADLINE_S = 240
BENCH = "bb84_tiny"

pytestmark = [pytest.mark.xdist_group("served")]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory) -> Iterator[str]:
    """Serve the bench; give the file of its addresses."""
    path = tmp_path_factory.mktemp("served") / "addresses.json"
    with Served(BENCH, "--addresses", str(path)):
        yield str(path)


class Party:
    """One process; its stderr is read as it comes."""

    def __init__(
        self, folder: Path, party: str, *arguments: str, start: str = ""
    ) -> None:
        self.file = folder / party / f"{party}.h5"
        program = f"{start}; from qkdlab.cli.main import main; import sys; "
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", program.lstrip("; ") + "sys.exit(main())"),
                *(party, BENCH, *arguments),
                *("--output", str(folder / party), "--json", "--patience", "5"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self.lines.append(line)
                self._heard.notify_all()

    def until(self, words: str) -> str:
        """Wait for a line on stderr; return it."""

        def line() -> str:
            return next((text for text in self.lines if words in text), "")

        with self._heard:
            assert self._heard.wait_for(line, DEADLINE_S), self.lines
            return line()

    def end(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait for the end; return the exit code."""
        try:
            code = self.process.wait(deadline_s)
        finally:
            self.process.kill()
        self._reader.join(10.0)
        assert "Traceback" not in "".join(self.lines), self.lines
        return code

    def stop(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait(10.0)
        self._reader.join(10.0)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def told(self) -> str:
        """Return the line that says how it ended."""
        return next(t for t in reversed(self.lines) if t.startswith("qkdlab: "))

    def port(self) -> int:
        """Return where it listens."""
        return int(self.until("waiting for").rpartition(":")[2])

    def assert_file_is_whole(self) -> None:
        with open_run(self.file) as file:
            assert file.complete

    def result(self) -> dict:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.read())


@pytest.fixture
def play(addresses, tmp_path):
    """Start a party on the served bench; all are gone at the end."""
    started: list[Party] = []

    def start(party: str, *arguments: str, **more: str) -> Party:
        given = ("--attach", addresses, *arguments)
        started.append(Party(tmp_path, party, *given, **more))
        return started[-1]

    yield start
    for party in started:
        party.stop()


@pytest.fixture
def reading(addresses, capsys):
    """Return a value of an instrument as it stands, asked by a command of its own."""

    def read(name: str) -> str:
        capsys.readouterr()
        assert main(["get", BENCH, name, "--attach", addresses]) == 0
        return capsys.readouterr().out.strip()

    return read


@pytest.fixture
def assert_safe(reading):
    """Check that the instruments of a party are in their safe state."""

    def check(party: str) -> None:
        if party == "alice":
            assert reading("alice.attenuator.shutter_open") == "off"
            assert reading("alice.laser.laser_on") == "off"
        else:
            assert reading("bob.websq.enabled") == "off"

    return check


def both(play, *alice: str, **bob: str) -> tuple[Party, Party]:
    """Start both; what is given is for Alice, keywords are for Bob."""
    first = play("alice", "--listen", "0", *alice)
    return first, play("bob", "--connect", str(first.port()), **bob)


def test_a_killed_peer_is_lost_at_once_and_the_light_goes_off(
    play, reading, assert_safe
):
    alice, bob = both(play)
    alice.until("calibration: laser")
    while reading("alice.laser.laser_on") != "on":
        assert alice.process.poll() is None, alice.lines
    bob.process.kill()
    assert alice.end() == 6
    assert "the other party" in alice.told()
    assert_safe("alice")
    alice.assert_file_is_whole()


def test_a_peer_that_stands_still_is_lost_and_the_bias_goes_off(
    play, reading, assert_safe
):
    alice, bob = both(play)
    bob.until("calibration: laser")
    assert reading("bob.websq.enabled") == "on"
    os.kill(alice.process.pid, signal.SIGSTOP)
    assert bob.end() == 6
    assert "no sign of life" in bob.told()
    assert_safe("bob")
    bob.assert_file_is_whole()


def test_a_signal_ends_both_and_all_instruments_are_safe(play, assert_safe):
    alice, bob = both(play)
    alice.until("calibration: laser")
    os.kill(bob.process.pid, signal.SIGINT)
    assert (alice.end(), bob.end()) == (6, 130)
    assert "was stopped" in alice.told()
    for party in (alice, bob):
        party.assert_file_is_whole()
    assert_safe("alice")
    assert_safe("bob")


def test_another_version_ends_both_before_an_instrument_is_touched(play):
    alice, bob = both(play, start="import qkdlab; qkdlab.__version__ = '0.0.1'")
    assert (alice.end(), bob.end()) == (6, 6)
    for party in (alice, bob):
        assert "0.0.1" in party.told()
        assert not any("opening" in line for line in party.lines)


def test_another_configuration_ends_both_before_an_instrument_is_touched(play):
    alice, bob = both(play, "--set", "parameters.detection.gate_ps=1500")
    assert (alice.end(), bob.end()) == (3, 3)
    for party in (alice, bob):
        assert "peer-configuration-differs" in party.told()
        assert not any("opening" in line for line in party.lines)


def test_a_forged_message_stops_both_with_all_instruments_safe(play, assert_safe):
    alice = play("alice", "--listen", "0")
    with Proxy(alice.port(), tcp_proxy.flip(FORTH, 2, -1)) as proxy:
        bob = play("bob", "--connect", str(proxy.port))
        assert (alice.end(), bob.end()) == (3, 3)
    codes = {party.result()["aborted"]["code"] for party in (alice, bob)}
    assert codes == {"authentication-failed", "peer-aborted"}
    assert_safe("alice")
    assert_safe("bob")


def test_a_line_on_which_nothing_moves_ends_both(play, assert_safe):
    alice = play("alice", "--listen", "0")
    with Proxy(alice.port()) as proxy:
        bob = play("bob", "--connect", str(proxy.port))
        bob.until("calibration: detectors")
        proxy.stalled.set()
        assert (alice.end(), bob.end()) == (6, 6)
    assert_safe("alice")
    assert_safe("bob")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_three_processes_end_in_keys_with_equal_ids(play, tmp_path, capsys):
    secrets = [str(tmp_path / f"{party}.pads") for party in ("alice", "bob")]
    assert main(["secret", *secrets]) == 0
    alice = play("alice", "--listen", "0", "--secret", secrets[0])
    bob = play("bob", "--connect", str(alice.port()), "--secret", secrets[1])
    assert (alice.end(1200), bob.end()) == (0, 0)
    results = [party.result() for party in (alice, bob)]
    assert results[0]["key_ids"] == results[1]["key_ids"] != []
    assert results[0]["secret_bits"] == results[1]["secret_bits"] > 0
    assert results[0]["leaked_bits"] == results[1]["leaked_bits"]
    for result in results:
        assert result["keys_match"] is None
        assert result["claimable_secret_bits"] == 0
