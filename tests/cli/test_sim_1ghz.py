"""The instruments of the bench at 1 GHz, served to clients outside the process."""

from __future__ import annotations

import json
import socket

import pytest
import zmq
from served import Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with Served("bb84_1ghz", "--seed", "7") as served:
        yield served


def test_the_transmitter_answers_on_a_plain_socket(server):
    address = server.host_and_port("alice.board")
    with socket.create_connection(address, timeout=10) as line:
        line.sendall(b"*IDN?\n")
        assert line.recv(200).startswith(b"qkdlab,FPGA-TRANSMITTER,")
        line.sendall(b"GEN:KEY #216" + b"\n" * 16 + b"\nGEN:KEY:STAT?\n")
        assert line.recv(200) == b"LOAD\n"
        line.sendall(b"*RST;:GEN:KEY:STAT?\n")
        assert line.recv(200) == b"NONE\n"


def test_the_taggers_library_answers_over_zeromq(server):
    context = zmq.Context()
    asking = context.socket(zmq.REQ)
    asking.linger, asking.rcvtimeo = 0, 10_000
    try:
        asking.connect(server.address("bob.tagger", "zmq", "api"))
        for call, wanted in (
            (["MH_OpenDevice", 0], 0),
            (["MH_Initialize", 0, 2, 0], 0),
            (["MH_StartMeas", 0, 0], -17),
        ):
            asking.send(json.dumps(call).encode())
            assert json.loads(asking.recv().partition(b"\n")[0])[0] == wanted
    finally:
        asking.close()
        context.term()
