"""Pseudo terminal and RFC 2217: baud rates, raw bytes, control lines."""

import contextlib
import os
import socket
import struct
import termios
import threading
import time

import pytest
import serial
from by_hand import MS, Echo, Loop
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.mount.pty import PtyCaller
from qkdlab_sims.mount.rfc2217 import Rfc2217Caller
from qkdlab_sims.mount.shared import SharedExchange
from qkdlab_sims.mount.tcp import TcpFront

BAUD = 9600
EVERY_BYTE = bytes(range(256))
SET_BAUD = b"\xff\xfa\x2c\x01%s\xff\xf0"
"""IAC SB COM-PORT-OPTION SET-BAUDRATE value IAC SE (RFC 2217)."""


@pytest.fixture
def loop():
    with Loop() as loop:
        yield loop


def on_pty(loop, machine):
    exchange = loop.add(SharedExchange(machine, baud=BAUD))
    return PtyCaller(loop.reactor, exchange, BAUD)


def on_rfc2217(loop, machine):
    exchange = loop.add(SharedExchange(machine, baud=BAUD))
    return TcpFront(
        loop.reactor, exchange, "127.0.0.1", 0, lambda c, r: Rfc2217Caller(c, r, BAUD)
    )


def opened(path, baud=None):
    """Open a terminal as a client does, at a baud rate of its own."""
    file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    if baud is not None:
        settings = termios.tcgetattr(file)
        settings[4] = settings[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(file, termios.TCSANOW, settings)
    return file


def read(loop, file, n_bytes):
    """Read from a terminal, whose bytes the system passes on when it has time."""
    heard = b""
    for _ in range(5000):
        loop.turn()
        with contextlib.suppress(BlockingIOError):
            heard += os.read(file, n_bytes - len(heard))
        if len(heard) == n_bytes:
            return heard
        time.sleep(0.0005)
    raise AssertionError(f"{n_bytes} bytes expected, {len(heard)} read")


def echo_time_ps(loop, machine, send, n_bytes):
    """Return the world time from the first byte heard to the last byte said.

    Taken at the machine's end of the line: what the test's system needs to pass bytes
    on is no world time.
    """
    said = []
    caller = loop.mounts[0].callers[0]
    passed_on = caller.say

    def say(data):
        said.extend([loop.now_ps] * len(data))
        passed_on(data)

    caller.say = say
    send(b"x" * n_bytes)
    for _ in range(50_000):
        loop.turn(MS // 20)
        if len(said) == n_bytes:
            return said[-1] - machine.heard[0][0]
    raise AssertionError("no echo")


def test_every_byte_passes_a_terminal_unchanged(loop):
    file = opened(on_pty(loop, Echo()).path)
    os.write(file, EVERY_BYTE)
    assert read(loop, file, 256) == EVERY_BYTE
    os.close(file)


def test_a_client_that_sets_no_baud_rate_has_the_devices(loop):
    caller = on_pty(loop, Echo())
    file = opened(caller.path)
    assert termios.tcgetattr(file)[5] == termios.B9600
    os.write(file, b"x")
    assert read(loop, file, 1) == b"x"
    assert caller.baud == 9600
    os.close(file)


def test_a_terminal_keeps_the_time_of_the_clients_baud_rate():
    times_ps = {}
    for baud in (9600, 115200):
        with Loop() as loop:
            machine = Echo(delay_ps=10_000)
            file = opened(on_pty(loop, machine).path, baud)
            times_ps[baud] = echo_time_ps(
                loop, machine, lambda data, f=file: os.write(f, data), 96
            )
            os.close(file)
    # The echo of a byte goes back while the next one comes.
    assert times_ps[9600] == pytest.approx(96e12 / 960, rel=0.02)
    assert times_ps[9600] / times_ps[115200] == pytest.approx(12.0, rel=0.05)


def test_rfc_2217_keeps_the_time_of_the_clients_baud_rate():
    times_ps = {}
    for baud in (9600, 115200):
        with Loop() as loop:
            machine = Echo(delay_ps=10_000)
            line = loop.client(on_rfc2217(loop, machine))
            line.send(SET_BAUD % struct.pack("!I", baud))
            loop.turn(0, 3)
            line.recv(1000)
            times_ps[baud] = echo_time_ps(loop, machine, line.send, 96)
    assert times_ps[9600] == pytest.approx(96e12 / 960, rel=0.02)
    assert times_ps[9600] / times_ps[115200] == pytest.approx(12.0, rel=0.05)


@pytest.mark.filterwarnings("ignore:set.* is deprecated:DeprecationWarning")
def test_pyserial_opens_rfc_2217_sets_lines_and_talks(loop):
    """pyserial's client blocks, so the loop turns in a thread beside it."""
    machine = Echo()
    front = on_rfc2217(loop, machine)
    done = threading.Event()

    def turn():
        while not done.is_set():
            loop.reactor.wait(5)
            loop.now_ps += 5 * MS
            for mount in loop.mounts:
                mount.serve(loop.now_ps)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        url = f"rfc2217://{front.host}:{front.port}"
        port = serial.serial_for_url(url, baudrate=19200, timeout=10)
        port.rts = False
        port.dtr = True
        assert port.cts
        port.write(EVERY_BYTE)
        assert port.read(256) == EVERY_BYTE
        port.close()
    finally:
        done.set()
        thread.join(10.0)
    assert b"".join(data for _, data in machine.heard) == EVERY_BYTE


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=6))
def test_noise_on_rfc_2217_harms_no_other_client(noise):
    with Loop() as loop:
        machine = Echo()
        exchange = loop.add(SharedExchange(machine, baud=115200))
        front = TcpFront(
            loop.reactor,
            exchange,
            "127.0.0.1",
            0,
            lambda c, r: Rfc2217Caller(c, r, 115200),
        )
        plain = TcpFront(loop.reactor, exchange, "127.0.0.1")
        noisy = loop.client(front)
        for piece in noise:
            try:
                noisy.send(b"\xff\xfa" + piece)
            except OSError:
                break
            loop.turn()
        noisy.close()
        loop.turn(100 * MS, 3)
        other = loop.client(plain)
        other.send(b"sound")
        assert loop.hear(other, 5) == b"sound"


def test_the_answer_to_one_who_left_is_not_heard_by_the_next(loop):
    machine = Echo(delay_ps=5 * MS)
    exchange = loop.add(SharedExchange(machine, baud=BAUD))
    front = TcpFront(loop.reactor, exchange, "127.0.0.1")
    first = loop.client(front)
    first.send(b"stale" * 4)
    loop.turn(MS, 3)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    first.close()
    second = loop.client(front)
    second.send(b"fresh")
    assert loop.hear(second, 5) == b"fresh"
    assert b"".join(data for _, data in machine.heard) == b"stale" * 4 + b"fresh"


def test_a_line_that_goes_down_takes_the_terminal_with_it(loop):
    file = opened(on_pty(loop, Echo(dies_at_ps=5 * MS)).path)
    loop.turn(MS, 10)
    with pytest.raises(OSError, match="Input/output error"):
        os.write(file, b"x")
    os.close(file)
