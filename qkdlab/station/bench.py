"""`Bench`: where the lines to the instruments come from, and whose time it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from qkdlab.clock import BenchClock, RealClock
from qkdlab.errors import ConfigError
from qkdlab.plugins import driver_spec

if TYPE_CHECKING:
    from qkdlab.config.models import InstrumentConfig, RunConfig
    from qkdlab.transport.base import Transport

__all__ = [
    "Bench",
    "BenchWithLimits",
    "RealBench",
    "expectation_of",
    "open_real_bench",
    "truth_of",
]


class Bench(Protocol):
    """What stands behind the instruments; nobody above the bytes knows what.

    A bench that knows more than its instruments tell (a simulated one) may also offer
    ``truth() -> dict`` and ``expectation(parameters) -> dict | None``; they serve the
    result, never a program.
    """

    @property
    def clock(self) -> BenchClock:
        """The time that all parties share."""
        ...

    def connect(self, party: str, connection: str, endpoint: str) -> Transport:
        """Open the line to `endpoint` of an instrument, or of a shared bus.

        Raises ConfigError when no address is known, InstrumentDisconnected when
        nobody answers there.
        """
        ...

    def close(self) -> None:
        """Let go of everything; closing twice is allowed."""
        ...


@runtime_checkable
class BenchWithLimits(Protocol):
    """A plug-in of the group ``qkdlab.benches`` that cannot be every sound bench."""

    def check(self, config: RunConfig) -> None:
        """Raise ConfigError for a configuration that it could not open."""
        ...


def truth_of(bench: Bench) -> dict[str, Any] | None:
    """Return the true values behind a simulated bench, or None."""
    ask = getattr(bench, "truth", None)
    return None if ask is None else dict(ask())


def expectation_of(bench: Bench, parameters: object) -> dict[str, Any] | None:
    """Return what the bench's true values lead one to expect, or None."""
    ask = getattr(bench, "expectation", None)
    answer = None if ask is None else ask(parameters)
    return None if answer is None else dict(answer)


class RealBench:
    """The addresses of a configuration, in host time."""

    def __init__(self, config: RunConfig) -> None:
        self.clock: BenchClock = RealClock()
        self._config = config
        self._open: list[Transport] = []

    def connect(self, party: str, connection: str, endpoint: str) -> Transport:
        """Open the address that the configuration gives; see :class:`Bench`."""
        from qkdlab.transport.open import open_transport

        address = self._address(party, connection, endpoint)
        transport = open_transport(address, f"{party}.{connection}")
        self._open.append(transport)
        return transport

    def close(self) -> None:
        """Close every line that was opened."""
        while self._open:
            self._open.pop().close()

    def _address(self, party: str, connection: str, endpoint: str) -> str:
        users = self._users(party, connection)
        given = {
            address
            for instrument in users.values()
            if (address := instrument.address.get(endpoint))
        }
        if len(given) == 1:
            return given.pop()
        name, instrument = next(iter(users.items()))
        where = f"parties.{party}.instruments.{name}.address.{endpoint}"
        if given:
            raise ConfigError(
                f"{where}: the instruments on bus {connection!r} name different "
                f"addresses ({', '.join(sorted(given))}); give one"
            )
        pattern = driver_spec(instrument.driver).endpoints[endpoint].default_address
        hint = f"; for example {pattern}" if pattern else ""
        raise ConfigError(f"{where}: missing, and the bench is real{hint}")

    def _users(self, party: str, connection: str) -> dict[str, InstrumentConfig]:
        instruments = self._config.parties[party].instruments
        if connection in instruments:
            return {connection: instruments[connection]}
        return {n: i for n, i in instruments.items() if i.bus == connection}


def open_real_bench(config: RunConfig, seed: int | None = None) -> RealBench:
    """Return the bench of real instruments; a seed has no meaning here."""
    return RealBench(config)
