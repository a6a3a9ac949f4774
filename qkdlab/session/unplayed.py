"""Facility stations of a served bench: set as configured, then left to whoever comes.

In `qkdlab run` they are opened with the parties' stations. A party in a process of its
own opens its own station only, so whoever owns the bench sets what lies between.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any

from qkdlab.session.stations import facilities
from qkdlab.session.together import experiment_of
from qkdlab.station.addresses import addresses_of
from qkdlab.station.attached import AttachedBench
from qkdlab.station.hands import new_station

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig

__all__ = ["Unplayed"]


class Unplayed:
    """Sets the facility stations of a bench that another thread serves.

    Their options for opening are written through their served addresses, by their own
    drivers; nothing is made safe afterwards, and the lines are free again.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._error: Exception | None = None
        self._thread: Thread | None = None

    def start(self, document: dict[str, Any], done: Callable[[], None]) -> None:
        """Begin; `done` is called, in another thread, when all stand as configured.

        document: as in the addresses file
        """

        def work() -> None:
            try:
                self._set(document)
                done()
            except Exception as error:
                self._error = error

        self._thread = Thread(target=work, name="facility stations", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        """Tell whether it ended in an error."""
        return self._error is not None

    def raise_error(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise self._error

    def _set(self, document: dict[str, Any]) -> None:
        unplayed = facilities(self._config, experiment_of(self._config))
        bench = AttachedBench(addresses_of("qkdlab sim", document))
        try:
            for party in unplayed:
                station = new_station(party, bench)
                try:
                    instruments = self._config.parties[party].instruments
                    for name, instrument in instruments.items():
                        station.add(name, instrument)
                finally:
                    station.close()
        finally:
            bench.close()
