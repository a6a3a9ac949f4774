"""Plain pyzmq on the sockets of the Time Controller and of its DataLink service."""

import json
import socket

import numpy as np
import pytest
import zmq

TAGGER = "bob.tagger"
DEADLINE_MS = 10_000


@pytest.fixture
def sockets(served):
    """Give sockets by endpoint."""
    context = zmq.Context()
    opened = {}

    def connect(endpoint):
        kind = {"req": zmq.REQ, "pair": zmq.PAIR}[
            served.address(TAGGER, "pattern", endpoint)
        ]
        opened[endpoint] = asked = context.socket(kind)
        asked.linger = 0
        asked.rcvtimeo = asked.sndtimeo = DEADLINE_MS
        asked.connect(served.address(TAGGER, "zmq", endpoint))
        return asked

    yield connect
    for each in opened.values():
        each.close()
    context.term()


@pytest.fixture
def dark_counts(served):
    """Bias the detectors: a hundred clicks or so in a second, each."""

    def tell(bias_ua, enabled):
        bias = {"command": "SetAllBiasCurrents", "value": [bias_ua] * 4}
        enable = {"command": "DetectorEnable", "value": enabled}
        with socket.create_connection(served.host_and_port("bob.websq"), 5.0) as line:
            line.sendall((json.dumps(bias) + json.dumps(enable)).encode())
            line.settimeout(5.0)
            heard = b""
            while heard.count(b"\x17") < 2:
                heard += line.recv(4096)

    tell(22.0, True)
    yield
    tell(0.0, False)


def ask(asked, text):
    asked.send_string(text)
    return asked.recv_string()


def test_every_command_gets_one_reply(sockets):
    control = sockets("control")
    assert "Serial : " in ask(control, "*IDN?")
    assert (
        ask(control, "INPU1:THRE 0.25V;:INPU1:THRE?")
        .splitlines()[-1]
        .startswith("0.25")
    )
    assert ask(control, "NOPE").endswith("SCPI_ERR_INVALID_CMD")
    assert ask(control, "INPU1:COUN:RESE") == "Counter value set to 0 "


def test_a_probe_that_connects_and_says_nothing_disturbs_nobody(served, sockets):
    """Vendor samples look whether the port is open before they use it."""
    host, port = served.host_and_port(TAGGER, way="zmq")
    for _ in range(5):
        socket.create_connection((host, port), 5.0).close()
    assert "Serial : " in ask(sockets("control"), "*IDN?")


def test_timestamps_arrive_by_the_order_of_the_vendor_samples(
    served, sockets, dark_counts
):
    control, datalink, stream = map(sockets, ("control", "datalink", "stream1"))
    _, port = served.host_and_port(TAGGER, "stream1", "zmq")
    for command in (
        "DEVI:RES LOWRES",
        "INPU1:ENAB ON;:INPU1:SELE UNSHAPED;:INPU1:THRE 0.1V;:INPU1:EDGE RISING",
        "RAW1:STOP:LINK INPU1",
        "REC:TRIG:ARM:MODE MANU",
        "REC:ENAB ON",
        "REC:STOP",
        "REC:NUM INF",
        "RAW1:ERRORS:CLEAR",
    ):
        assert "SCPI_ERR" not in ask(control, command)
    begun = json.loads(
        ask(
            datalink,
            f"start-stream --channel 1 --address 127.0.0.1 --stream-port {port}",
        )
    )
    ask(control, "RAW1:SEND ON")
    ask(control, "REC:PLAY")
    assert ask(control, "REC:STAG?") == "PLAYING"
    blocks = [stream.recv() for _ in range(3)]
    ask(control, "REC:STOP")
    ended = json.loads(ask(datalink, f"stop --id {begun['id']}"))
    while block := stream.recv():
        blocks.append(block)
    ask(control, "RAW1:SEND OFF")
    times_ps = np.frombuffer(b"".join(blocks), "<u8")
    assert times_ps.size == ended["status"]["timestamps_count"] > 0
    assert np.all(np.diff(times_ps.astype(np.int64)) >= 10_000)
    assert np.all(times_ps % 100 == 0)
    assert ask(control, "RAW1:ERRORS?") == "0"
