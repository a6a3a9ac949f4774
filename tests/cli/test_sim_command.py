"""`qkdlab sim` as a process: ready line, addresses, clients good and bad, its end."""

import json
import random
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
import serial
import zmq
from served import Served

pytestmark = [pytest.mark.xdist_group("served")]

DEADLINE_S = 20.0


def configuration(folder, **simulation):
    path = folder / "mine.yaml"
    given = {"extends": "bb84_tiny", "name": "mine", "simulation": simulation}
    path.write_text(json.dumps(given))
    return path


def ask(address, question, end=b"\n"):
    """Return the answer to one question, from a connection of its own."""
    with socket.create_connection(address, DEADLINE_S) as line:
        line.settimeout(DEADLINE_S)
        line.sendall(question)
        answer = b""
        while not answer.endswith(end):
            piece = line.recv(4096)
            if not piece:
                break
            answer += piece
    return answer


def sound(served):
    """Check that instruments on every kind of line still answer."""
    awg = served.host_and_port("alice.awg")
    assert b"33622A" in ask(awg, b"*IDN?\n")
    assert b"PM100D" in ask(served.host_and_port("alice.tap_meter"), b"*IDN?\n")
    assert ask(served.host_and_port("bob.plates"), b"1gp").startswith(b"1PO")
    bias = b'{"request": "BiasCurrent"}'
    websq = served.host_and_port("bob.websq")
    assert b"BiasCurrent" in ask(websq, bias, end=b"\x17")
    context = zmq.Context()
    socket_ = context.socket(zmq.REQ)
    socket_.linger = 0
    socket_.rcvtimeo = 1000 * int(DEADLINE_S)
    socket_.connect(served.address("bob.tagger", "zmq"))
    socket_.send(b"*IDN?")
    assert b"Serial" in socket_.recv()
    socket_.close()
    context.term()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    file = tmp_path_factory.mktemp("sim") / "addresses.json"
    with Served("bb84_tiny", "--seed", "7", "--addresses", str(file)) as server:
        server.file = file
        yield server


def byte_endpoints(served):
    return [
        served.host_and_port(name, endpoint)
        for name, device in served.devices.items()
        for endpoint, ways in device["endpoints"].items()
        if "tcp" in ways
    ]


def test_the_ready_line_is_the_file_of_addresses(served):
    assert served.file.read_text() == served.line
    assert list(served.file.parent.iterdir()) == [served.file]


def test_every_device_has_the_ways_of_its_kind(served):
    for name, device in served.devices.items():
        assert device["role"], name
        for endpoint, ways in device["endpoints"].items():
            kinds = set(ways)
            assert kinds in (
                {"tcp", "visa"},
                {"tcp", "pty", "rfc2217"},
                {"zmq", "pattern"},
            ), (name, endpoint)
    assert served.devices["bob.plates"]["users"] == ["bob.qwp1", "bob.hwp", "bob.qwp2"]
    assert "users" not in served.devices["alice.awg"]
    assert served.devices["alice.awg"]["role"] == "PatternGenerator"
    assert served.address("bob.tagger", "pattern", "stream2") == "pair"


def test_sockets_listen_on_this_machine_only(served):
    hosts = {host for host, _ in byte_endpoints(served)}
    assert hosts == {"127.0.0.1"}


def test_one_device_answers_on_all_its_lines(served):
    with serial.Serial(served.address("bob.plates", "pty"), 9600, timeout=5) as port:
        port.write(b"0gp")
        on_terminal = port.read_until(b"\n")
    assert on_terminal == ask(served.host_and_port("bob.plates"), b"0gp")


def test_clients_that_say_nothing_disturb_nobody(served):
    with ExitStack() as stack:
        for address in byte_endpoints(served) * 3:
            line = socket.create_connection(address, DEADLINE_S)
            stack.callback(line.close)
        sound(served)


def misbehave(line, chance):
    """Send noise, and in half of all cases break off in the middle."""
    line.setblocking(False)
    for _ in range(chance.randrange(1, 5)):
        noise = chance.choice(
            [
                chance.randbytes(chance.randrange(1, 2000)),
                b"#9999999999" + chance.randbytes(100),
                b'{"request": "labelProps", ' * 20,
                b"*IDN?\n" * chance.randrange(1, 20_000),
                b"\xff\xfa\x2c" + chance.randbytes(50),
                b'SYST:ERR?;"' + b"\0" * 300,
            ]
        )
        try:
            line.send(noise)
        except OSError:
            break
    if chance.random() < 0.5:
        # Closed with data unread and a linger of zero, a connection is reset.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        line.close()


@pytest.mark.parametrize("seed", range(5))
def test_garbage_floods_and_sudden_ends_disturb_nobody(served, seed):
    chance = random.Random(seed)
    with ExitStack() as stack:
        for address in byte_endpoints(served):
            line = socket.create_connection(address, DEADLINE_S)
            stack.callback(line.close)
            misbehave(line, chance)
        host, port = served.host_and_port("bob.tagger", way="zmq")
        with socket.create_connection((host, port), DEADLINE_S) as line:
            line.sendall(chance.randbytes(200))
        sound(served)
    sound(served)
    assert served.process.poll() is None


def sim(*arguments, cwd):
    """Serve what should not be served; return how that ended."""
    return subprocess.run(
        [sys.executable, "-m", "qkdlab", "sim", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_faults_strike_served_instruments(tmp_path):
    faults = {
        "alice.awg": [{"kind": "silent", "after_bytes": 20}],
        "bob.websq": [{"kind": "drop_line", "at_s": 0.0, "endpoint": "counts"}],
        "alice.tap_meter": [{"kind": "garbage"}],
    }
    with Served(configuration(tmp_path, faults=faults)) as served:
        with socket.create_connection(served.host_and_port("alice.awg"), 5.0) as line:
            line.settimeout(0.5)
            line.sendall(b"*IDN?\n")
            assert len(line.recv(4096)) == 20
            line.sendall(b"*IDN?\n")
            with pytest.raises(TimeoutError):
                line.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(served.host_and_port("bob.websq", "counts"), 5.0)
        answer = ask(served.host_and_port("alice.tap_meter"), b"*IDN?\n")
        assert not answer.isascii()
        assert answer.endswith(b"\n")
        bias = b'{"request": "BiasCurrent"}'
        assert b"BiasCurrent" in ask(
            served.host_and_port("bob.websq"), bias, end=b"\x17"
        )
        code, err = served.stop(signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in err


def test_a_world_that_cannot_keep_up_says_so_and_still_answers():
    start_s = time.monotonic()
    with Served("bb84_tiny", "--seed", "7", "--speed", "1000") as served:
        time.sleep(2.5)
        begin_s = time.monotonic()
        sound(served)
        assert time.monotonic() - begin_s < DEADLINE_S
        code, err = served.stop()
    assert code == 0
    behind = re.findall(r"the world is ([\d.]+) s behind", err)
    # no more often than once a second
    assert 1 <= len(behind) <= time.monotonic() - start_s + 1.0
    greatest = re.findall(r"greatest lag of the world: ([\d.]+) s", err)
    assert len(greatest) == 1
    assert float(greatest[0]) >= max(map(float, behind))


def test_world_time_runs_at_the_asked_speed(tmp_path):
    """The counts of a WebSQ carry the time of the world."""
    with Served("bb84_tiny", "--seed", "7", "--speed", "5") as served:
        address = served.host_and_port("bob.websq", "counts")
        with socket.create_connection(address, 5.0) as line:
            line.settimeout(5.0)
            begin_s = time.monotonic()
            text = b""
            while text.count(b"\n") < 51:
                text += line.recv(4096)
            took_s = time.monotonic() - begin_s
        _, err = served.stop()
    times = [float(row.split(b",")[0]) for row in text.splitlines()[:51]]
    assert times[-1] - times[0] == pytest.approx(5.0, abs=0.01)
    # Fifty periods of 0.1 s in one second; a world that lay behind catches up.
    lag = re.search(r"greatest lag of the world: ([\d.]+) s", err)
    assert lag is not None
    assert took_s + float(lag.group(1)) >= 0.8


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = {"alice.awg": {"control": port}}
        done = sim(configuration(tmp_path, ports=taken), cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    assert str(port) in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["bb84_tiny", "--bind", "192.0.2.1"], 5, "192.0.2.1"),
        (["bb84_tiny", "--set", "bench=real"], 1, "no server is called 'real'"),
        (["bb84_tiny", "--speed", "0"], 1, "--speed"),
        (["bb84_tiny", "--addresses", "no/such/folder/a.json"], 5, "no/such/folder"),
    ],
)
def test_what_cannot_be_served_is_one_line_and_a_code(tmp_path, arguments, code, named):
    done = sim(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_what_no_party_plays_stands_as_configured_when_addresses_are_told(served):
    address = served.host_and_port("channel.attenuator")
    ask(address, b"\r\n", end=b"Done\r\n")  # ends what strangers have left unfinished
    said = ask(address, b"D\r\n", end=b"Done\r\n")
    found = re.search(rb"ATTEN:\s*([0-9.]+)", said)
    assert found is not None
    assert float(found.group(1)) == pytest.approx(2.0, abs=0.02)


def test_a_bench_whose_channel_cannot_be_set_is_not_served(tmp_path):
    silent = {"channel.attenuator": [{"kind": "silent", "after_s": 0.0}]}
    file, addresses = configuration(tmp_path, faults=silent), tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "qkdlab", "sim", file, "--addresses", addresses],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert b"channel_attenuator" in done.stderr
    assert not addresses.exists()
