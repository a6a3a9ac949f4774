"""ZeroMQ transport against real sockets on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from qkdlab.errors import (
    ConfigError,
    InstrumentDisconnected,
    InstrumentReplyError,
    InstrumentTimeout,
)
from qkdlab.transport.base import MessageTransport
from qkdlab.transport.zeromq import ZeroMqMessageTransport

PATIENCE_S = 10.0


class Server:
    """The other end, on a port of its own choice."""

    def __init__(self, kind: int) -> None:
        self.socket = zmq.Context.instance().socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = int(PATIENCE_S * 1000)
        self.socket.sndtimeo = int(PATIENCE_S * 1000)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{port}"

    def close(self) -> None:
        self.socket.close(linger=0)


@pytest.fixture
def rep() -> Iterator[Server]:
    server = Server(zmq.REP)
    yield server
    server.close()


@pytest.fixture
def pair() -> Iterator[Server]:
    server = Server(zmq.PAIR)
    yield server
    server.close()


@pytest.fixture
def req_line(rep: Server) -> Iterator[ZeroMqMessageTransport]:
    line = ZeroMqMessageTransport("tagger", rep.address, pattern="req")
    yield line
    line.close()


@pytest.fixture
def pair_line(pair: Server) -> Iterator[ZeroMqMessageTransport]:
    line = ZeroMqMessageTransport("stream", pair.address, pattern="pair")
    yield line
    line.close()


def test_it_is_a_message_transport(req_line: ZeroMqMessageTransport) -> None:
    assert isinstance(req_line, MessageTransport)


def test_a_question_gets_its_answer(
    rep: Server, req_line: ZeroMqMessageTransport
) -> None:
    for k in range(3):
        req_line.send(b"*IDN? %d" % k)
        assert rep.socket.recv() == b"*IDN? %d" % k
        rep.socket.send(b"answer %d" % k)
        assert req_line.receive(PATIENCE_S) == b"answer %d" % k


def test_after_a_silence_the_next_question_is_answered_and_not_the_last(
    rep: Server, req_line: ZeroMqMessageTransport
) -> None:
    req_line.send(b"first")
    assert req_line.receive(0.05) is None
    assert rep.socket.recv() == b"first"
    rep.socket.send(b"late")
    req_line.send(b"second")
    assert rep.socket.recv() == b"second"
    rep.socket.send(b"in time")
    assert req_line.receive(PATIENCE_S) == b"in time"


def test_a_question_may_follow_one_that_nobody_waited_for(
    rep: Server, req_line: ZeroMqMessageTransport
) -> None:
    req_line.send(b"first")
    assert rep.socket.recv() == b"first"
    req_line.send(b"second")
    rep.socket.send(b"to the first")
    assert rep.socket.recv() == b"second"
    rep.socket.send(b"to the second")
    assert req_line.receive(PATIENCE_S) == b"to the second"


def test_without_a_question_there_is_no_answer_to_wait_for(
    req_line: ZeroMqMessageTransport,
) -> None:
    assert req_line.receive(1e6) is None


def test_a_stream_is_pushed_without_being_asked(
    pair: Server, pair_line: ZeroMqMessageTransport
) -> None:
    blocks = [bytes([k]) * 1000 for k in range(50)] + [b""]
    for block in blocks:
        pair.socket.send(block)
    assert [pair_line.receive(PATIENCE_S) for _ in blocks] == blocks
    assert pair_line.receive(0.0) is None


def test_a_stream_can_be_told_something(
    pair: Server, pair_line: ZeroMqMessageTransport
) -> None:
    pair_line.send(b"hello")
    assert pair.socket.recv() == b"hello"


def test_a_line_that_breaks_is_reported_after_the_rest_was_read(
    pair: Server, pair_line: ZeroMqMessageTransport
) -> None:
    pair.socket.send(b"last")
    assert pair_line.receive(PATIENCE_S) == b"last"
    pair.close()
    with pytest.raises(InstrumentDisconnected, match=r"stream.*broke"):
        pair_line.receive(PATIENCE_S)


def test_nobody_there_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qkdlab.transport.zeromq._CONNECT_TIMEOUT_MS", 100)
    free = Server(zmq.REP)
    free.close()
    line = ZeroMqMessageTransport("tagger", free.address, pattern="req")
    with pytest.raises(InstrumentTimeout, match="tagger"):
        line.send(b"*IDN?")
    line.close()


def test_a_message_of_two_parts_is_refused(
    pair: Server, pair_line: ZeroMqMessageTransport
) -> None:
    pair.socket.send_multipart([b"a", b"b"])
    with pytest.raises(InstrumentReplyError, match="2 parts"):
        pair_line.receive(PATIENCE_S)


def test_a_closed_line_says_so(req_line: ZeroMqMessageTransport) -> None:
    req_line.close()
    req_line.close()
    with pytest.raises(InstrumentDisconnected):
        req_line.send(b"x")
    with pytest.raises(InstrumentDisconnected):
        req_line.receive(0.0)


@pytest.mark.parametrize(
    "address", ["tcp://169.254.99.101:5555", "tcp://example.org:5555"]
)
def test_an_address_elsewhere_must_be_allowed(address: str) -> None:
    with pytest.raises(ConfigError, match="leaves this machine"):
        ZeroMqMessageTransport("tagger", address, pattern="req")


@pytest.mark.parametrize(
    "address", ["127.0.0.1:5555", "tcp://127.0.0.1", "ipc:///tmp/x", "tcp://h:x"]
)
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="tcp://host:port"):
        ZeroMqMessageTransport("tagger", address, pattern="pair", allow_remote=True)


def test_an_allowed_address_elsewhere_is_not_touched_before_it_is_used() -> None:
    line = ZeroMqMessageTransport(
        "tagger", "tcp://192.0.2.1:5555", pattern="req", allow_remote=True
    )
    line.close()
