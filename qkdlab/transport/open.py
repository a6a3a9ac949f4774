"""From an address in a configuration to an open line.

==============================================  =======================================
``TCPIP::host::port::SOCKET``, ``tcp://host:port``   raw TCP socket
``serial:///dev/ttyUSB0?baud=9600``             serial line
``ASRL/dev/ttyUSB0::INSTR?baud=9600``           the same, as VISA writes it
``rfc2217://host:port?baud=9600``               serial line on another machine
``zmq+tcp://host:port?pattern=req``             ZeroMQ; ``pair`` for a stream
``GPIB0::28::INSTR``, ``USB0::...::INSTR``, ...  PyVISA
``library:mhlib``                               a maker's library in this process
==============================================  =======================================

``?remote=yes`` after a ZeroMQ address allows it to leave this machine.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import parse_qsl

from qkdlab.errors import ConfigError
from qkdlab.transport.base import Transport
from qkdlab.transport.library import LibraryLine

__all__ = ["open_transport"]

_SOCKET = re.compile(r"TCPIP\d*::([^:]+|\[.+\])::(\d+)::SOCKET", re.IGNORECASE)
_ASRL = re.compile(r"ASRL(.+?)(?:::INSTR)?", re.IGNORECASE)
_VISA = re.compile(r"(GPIB|USB|TCPIP|VXI|PXI|VICP)\d*::.+", re.IGNORECASE)


def open_transport(address: str, name: str | None = None) -> Transport:
    """Open the line at `address`; `name` stands for it in messages.

    Raises ConfigError when the address is of no known form, InstrumentDisconnected
    when nobody answers there.
    """
    name = address if name is None else name
    bare, _, query = address.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    socket = _SOCKET.fullmatch(bare)
    if socket is not None:
        _allow(address, options)
        return _tcp(address, name, socket.group(1).strip("[]"), socket.group(2))
    serial = _ASRL.fullmatch(bare)
    if serial is not None:
        return _serial(address, name, serial.group(1), options)
    if _VISA.fullmatch(bare):
        _allow(address, options)
        return _visa(name, bare)
    if bare.startswith("library:"):
        _allow(address, options)
        return LibraryLine(name, bare.removeprefix("library:"))
    scheme, _, rest = bare.partition("://")
    if scheme == "tcp":
        _allow(address, options)
        host, _, port = rest.rpartition(":")
        return _tcp(address, name, host.strip("[]"), port)
    if scheme == "serial":
        return _serial(address, name, rest, options)
    if scheme in ("rfc2217", "socket", "loop"):
        return _serial(address, name, bare, options)
    if scheme == "zmq+tcp":
        return _zeromq(address, name, "tcp://" + rest, options)
    raise ConfigError(
        f"address {address!r} is of no known form; use for example "
        "TCPIP::host::5025::SOCKET, serial:///dev/ttyUSB0?baud=9600, "
        "zmq+tcp://host:5555 or a VISA resource"
    )


def _tcp(address: str, name: str, host: str, port: str) -> Transport:
    from qkdlab.transport.tcp import TcpByteTransport

    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"address {address!r}: needs a host and a port")
    return TcpByteTransport(name, host, int(port))


def _serial(address: str, name: str, port: str, options: dict[str, str]) -> Transport:
    from qkdlab.transport.serial import SerialByteTransport

    _allow(address, options, "baud")
    baud = options.get("baud", "9600")
    if not port or not baud.isdigit() or int(baud) == 0:
        raise ConfigError(f"address {address!r}: needs a port and a baud rate")
    return SerialByteTransport(name, port, baud=int(baud))


def _visa(name: str, resource: str) -> Transport:
    from qkdlab.transport.visa import VisaByteTransport

    return VisaByteTransport(name, resource)


def _zeromq(address: str, name: str, url: str, options: dict[str, str]) -> Transport:
    from qkdlab.transport.zeromq import ZeroMqMessageTransport

    _allow(address, options, "pattern", "remote")
    patterns: dict[str, Literal["req", "pair"]] = {"req": "req", "pair": "pair"}
    pattern = patterns.get(options.get("pattern", "req"))
    if pattern is None:
        raise ConfigError(f"address {address!r}: pattern is req or pair")
    return ZeroMqMessageTransport(
        name, url, pattern=pattern, allow_remote=options.get("remote") == "yes"
    )


def _allow(address: str, options: dict[str, str], *names: str) -> None:
    for option in options:
        if option not in names:
            known = f"; known: {', '.join(names)}" if names else ""
            raise ConfigError(f"address {address!r}: unknown option {option!r}{known}")
