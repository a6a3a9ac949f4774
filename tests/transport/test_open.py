"""Addresses of configurations."""

import pytest
from transport.loopback_server import Echo, LoopbackServer

from qkdlab.errors import ConfigError
from qkdlab.transport.open import open_transport
from qkdlab.transport.serial import SerialByteTransport
from qkdlab.transport.tcp import TcpByteTransport
from qkdlab.transport.zeromq import ZeroMqMessageTransport


@pytest.fixture(scope="module")
def port():
    with LoopbackServer(Echo()) as running:
        yield running.port


@pytest.mark.parametrize(
    "form", ["TCPIP::127.0.0.1::{}::SOCKET", "tcpip0::127.0.0.1::{}::socket"]
)
def test_visa_sockets_are_plain_sockets(port, form):
    line = open_transport(form.format(port), "awg")
    assert isinstance(line, TcpByteTransport)
    assert line.name == "awg"
    line.close()


def test_an_address_stands_for_a_missing_name(port):
    line = open_transport(f"tcp://127.0.0.1:{port}")
    assert line.name == f"tcp://127.0.0.1:{port}"
    line.close()


@pytest.mark.parametrize("address", ["loop://", "loop://?baud=115200"])
def test_serial_urls_are_serial_lines(address):
    line = open_transport(address, "plates")
    assert isinstance(line, SerialByteTransport)
    line.close()


@pytest.mark.parametrize(
    "address",
    ["serial:///dev/none?baud=9600", "ASRL/dev/none::INSTR?baud=9600", "ASRL/dev/none"],
)
def test_serial_addresses_name_the_port(address):
    with pytest.raises(Exception, match="no port /dev/none"):
        open_transport(address, "plates")


@pytest.mark.parametrize("query", ["", "?pattern=pair", "?pattern=req&remote=yes"])
def test_zeromq_addresses_open_message_transports(query):
    line = open_transport(f"zmq+tcp://127.0.0.1:59999{query}", "tagger")
    assert isinstance(line, ZeroMqMessageTransport)
    line.close()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "http://127.0.0.1:80",
        "tcp://127.0.0.1",
        "tcp://:5025",
        "tcp://127.0.0.1:99999",
        "TCPIP::127.0.0.1::99999::SOCKET",
        "serial://",
        "serial:///dev/ttyUSB0?baud=fast",
        "serial:///dev/ttyUSB0?buad=9600",
        "tcp://127.0.0.1:5025?baud=9600",
        "zmq+tcp://127.0.0.1:5555?pattern=sub",
        "zmq+tcp://127.0.0.1",
        "zmq+tcp://192.0.2.1:5555",
        "GPIB0::28::INSTR?x=1",
    ],
)
def test_addresses_of_no_known_form_are_refused(address):
    with pytest.raises(ConfigError):
        open_transport(address, "it")
