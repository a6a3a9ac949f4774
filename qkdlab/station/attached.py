"""A bench whose simulated instruments another process serves (``qkdlab sim``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qkdlab.clock import BenchClock, RealClock
from qkdlab.station.addresses import Addresses, read_addresses

if TYPE_CHECKING:
    from qkdlab.transport.base import Transport

__all__ = ["AttachedBench", "attach"]


class AttachedBench:
    """A `qkdlab.station.bench.Bench` in host time, at the addresses of a file.

    Its instruments are no hardware, so nobody is warned of drivers that met none, and
    calibration is as old as in any simulated run.
    """

    def __init__(self, addresses: Addresses) -> None:
        self.clock: BenchClock = RealClock()
        self._addresses = addresses
        self._open: list[Transport] = []

    def connect(self, party: str, connection: str, endpoint: str) -> Transport:
        """Open the address that the file gives; see `qkdlab.station.bench.Bench`."""
        from qkdlab.transport.open import open_transport

        name = f"{party}.{connection}"
        transport = open_transport(self._addresses.of(name, endpoint), name)
        self._open.append(transport)
        return transport

    def close(self) -> None:
        """Close every line that was opened."""
        while self._open:
            self._open.pop().close()


def attach(path: Path) -> AttachedBench:
    """Return the bench of an addresses file; raises as `read_addresses`."""
    return AttachedBench(read_addresses(path))
