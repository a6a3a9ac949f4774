"""Light with settings on demand: what a generator of fresh settings does to pulses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from qkdlab_sims.bench.memory import history_labels
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares

__all__ = [
    "CounterPort",
    "CounterRun",
    "FreshRun",
    "fresh_light",
    "fresh_run",
    "shows_all",
]


class CounterRun(Protocol):
    """A run of a generator, always the same object while it lasts."""

    HELD: int
    """Samples for which its outputs show each setting in turn."""

    @property
    def key(self) -> bytes:
        """Return the key. Secret."""
        ...

    @property
    def nonce(self) -> bytes:
        """Return the nonce. Secret."""
        ...

    @property
    def shares(self) -> tuple[int, ...]:
        """Return the counts of the classes in 32768."""
        ...


@runtime_checkable
class CounterPort(Protocol):
    """What a `GeneratorPort` with a generator of settings has beside."""

    def counter(self) -> CounterRun | None:
        """Return the run that leaves the outputs, or None."""
        ...


@dataclass(frozen=True, eq=False)
class FreshRun:
    """A run of a generator and the law that its settings follow.

    order: how many pulses before the law sees
    """

    run: CounterRun
    law: ContextLaw
    order: int = 0


def fresh_run(
    ports: Iterable[object], last: FreshRun | None, order: int = 0
) -> FreshRun | None:
    """Return the run under way, `last` itself while that goes on; None without one.

    order: how many pulses before the present one its law is to see
    """
    for port in ports:
        run = port.counter() if isinstance(port, CounterPort) else None
        if run is None:
            continue
        if last is not None and last.run is run:
            return last
        nonce = int.from_bytes(run.nonce, "big")
        settings = CounterSettings(run.key, nonce, Shares(run.shares))
        labels = history_labels(settings.shares.n_settings, order)
        return FreshRun(run, ContextLaw.of(settings, labels), order)
    return None


def shows_all(shown: Light, fresh: FreshRun) -> bool:
    """Return whether light shows every setting of a run."""
    n_settings = fresh.law.settings.shares.n_settings
    return shown.n_contexts >= fresh.run.HELD * n_settings


def fresh_light(shown: Light, fresh: FreshRun) -> Light:
    """Return light whose pulses follow a law.

    shown: light of every setting in turn, each held for some pulses

    A pulse does not depend on those before it: what is sampled is the middle of each
    stretch, when everything has settled but what lasts longer than half of it.
    """
    if not shows_all(shown, fresh):
        return shown
    held, n_settings = fresh.run.HELD, fresh.law.settings.shares.n_settings
    fields = shown.jones[held // 2 : held * n_settings : held]
    return replace(shown, jones=fields, law=fresh.law)
