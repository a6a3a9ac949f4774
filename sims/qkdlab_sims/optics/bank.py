"""Detectors of any technology, what they carry through a run, their clicks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals
from qkdlab_sims.optics.bright import Answer, Mode
from qkdlab_sims.optics.rng import stream_key

__all__ = ["Bank", "Clicks", "DetectorState"]


@dataclass(frozen=True, eq=False)
class Bank(ABC):
    """The detectors behind one receiver, and what never changes in a run.

    parameters: one per detector
    arrival_ps: from the opening of a pulse's slot at the source (pulse k opens at
                k x period_ps of world time) to the pulse at each detector, without
                the light's own delay, which lies between 0 and one period
    period_ps:  time between pulses
    seed, component: key of all random numbers
    hold_back_ps: tags are given out this much later than their pulse, so that those of
                 later pulses cannot precede them; at least 6.8 sigma of the jitter

    Each technology is a subclass. Its records have at least the fields arrival_ps,
    dark_per_tick, sigma_ps and n_tags, with the meaning that they have in `WIRE`.
    Where detectors have no bias source, any positive bias means that they are on.
    """

    parameters: tuple[Any, ...]
    arrival_ps: tuple[int, ...]
    period_ps: int
    seed: int = field(repr=False)
    component: str = "detectors"
    hold_back_ps: int = 5_000
    keys: NDArray[np.uint64] = field(init=False, repr=False)
    _known_wires: dict[tuple[tuple[float, ...], float], NDArray[np.void]] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        if len(self.parameters) != len(self.arrival_ps) or not self.parameters:
            raise ValueError("DetectorBank wants one arrival time per detector")
        purposes = ("clicks", "intensity noise", "eavesdropper", "bright")
        keys = [stream_key(self.seed, self.component, p) for p in purposes]
        object.__setattr__(self, "keys", np.array(keys))

    @property
    def ahead_ps(self) -> int:
        """Return by how much a tag may come before the slot of its pulse opens.

        0 where the light is long enough on its way.
        """
        return max(0, self.hold_back_ps - min(self.arrival_ps))

    @property
    def feels_power(self) -> bool:
        """Return whether bright light may change what a detector answers to."""
        return False

    @property
    def stops_by_itself(self) -> bool:
        """Return whether a detector may stop though its bias rests."""
        return False

    def answers(
        self,
        bias_ua: Sequence[float],
        latched: Sequence[bool],
        power_w: Sequence[float],
    ) -> tuple[Answer, ...]:
        """Return what each detector answers to under `power_w` of light.

        power_w: at the detectors; here all count photons, whatever the light.
        """
        del latched, power_w
        return tuple(Answer() for _ in bias_ua)

    def blind(self, records: NDArray[np.void]) -> None:
        """Make records those of detectors that take every arrival and nothing else."""
        raise TypeError("these detectors cannot be blinded")

    @property
    @abstractmethod
    def carried(self) -> tuple[str, ...]:
        """Fields of a detector's record that go from call to call."""

    def latched_in(self, records: NDArray[np.void]) -> list[bool]:
        """Return which detectors stopped giving clicks in the last call."""
        return [False for _ in records]

    @abstractmethod
    def efficiencies(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each detector's efficiency at rest."""

    @abstractmethod
    def dark_rates_hz(self, bias_ua: Sequence[float]) -> NDArray[np.float64]:
        """Return each detector's dark count rate at rest."""

    @abstractmethod
    def latched(self, was: Sequence[bool], bias_ua: Sequence[float]) -> list[bool]:
        """Return which detectors give nothing after the biases went to `bias_ua`."""

    @abstractmethod
    def voltages_mv(
        self, latched: Sequence[bool], bias_ua: Sequence[float]
    ) -> list[float]:
        """Return the voltage that the bias source sees on each detector."""

    def wires(
        self, bias_ua: tuple[float, ...], pulse_fwhm_ps: float
    ) -> NDArray[np.void]:
        """Return the detectors as the kernel wants them, before any click.

        Those of the last arguments are remembered: bias currents rest mostly.
        """
        known = self._known_wires
        if (bias_ua, pulse_fwhm_ps) not in known:
            known.clear()
            known[bias_ua, pulse_fwhm_ps] = self._new_wires(bias_ua, pulse_fwhm_ps)
        return known[bias_ua, pulse_fwhm_ps]

    @abstractmethod
    def _new_wires(
        self, bias_ua: tuple[float, ...], pulse_fwhm_ps: float
    ) -> NDArray[np.void]: ...

    @abstractmethod
    def run_pass(
        self,
        wires: NDArray[np.void],
        detectors: tuple[int, int],
        ticks: tuple[int, int],
        arrivals: Arrivals,
        out: NDArray[np.int64],
    ) -> bool:
        """Turn arrivals of detectors [first, last) into tags.

        wires: changed in place; out: int64[n_det, capacity], sorted tags. False when
        a bound is exceeded.
        """

    @abstractmethod
    def clicks_bound(
        self, wires: NDArray[np.void], n_arrivals: int, n_ticks: int
    ) -> int:
        """Return how many clicks one detector can give in so many ticks."""


@dataclass(eq=False)
class DetectorState:
    """What detectors carry from one call to the next.

    bias_ua: present bias currents; set them by `set_bias`
    latched: wires that are normal and give nothing
    answers: what each detector answers to under the present light; see `shine`
    records: detectors after the last call; None before the first
    """

    bank: Bank
    bias_ua: list[float] = field(init=False)
    latched: list[bool] = field(init=False)
    answers: tuple[Answer, ...] = field(init=False)
    next_pulse: int | None = None
    records: NDArray[np.void] | None = field(default=None, repr=False)
    held_back: list[NDArray[np.int64]] = field(init=False, repr=False)
    _scratch: NDArray[np.int64] = field(init=False, repr=False)
    _rooms: list[Arrivals] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.bank.parameters)
        self.bias_ua = [0.0] * n
        self.latched = [False] * n
        self.answers = (Answer(),) * n
        self.held_back = [np.empty(0, np.int64) for _ in range(n)]
        self._scratch = np.empty((n, 0), np.int64)

    def scratch(self, n_tags: int) -> NDArray[np.int64]:
        """Return int64[n_det, at least `n_tags`] with anything in it, always the same.

        New memory costs more than the simulation of a short stretch; it is an eighth
        more than wanted, since wishes differ a little from call to call.
        """
        if self._scratch.shape[1] < n_tags:
            n = n_tags + n_tags // 8
            self._scratch = np.empty((len(self.bias_ua), n), np.int64)
        return self._scratch

    def rooms(self, number: int) -> Sequence[Arrivals]:
        """Return so many rooms for arrivals, always the same."""
        missing = range(number - len(self._rooms))
        self._rooms += [Arrivals(len(self.bias_ua)) for _ in missing]
        return self._rooms[:number]

    def set_bias(self, bias_ua: Sequence[float]) -> None:
        """Set all bias currents; a wire may latch or come back."""
        self.latched = self.bank.latched(self.latched, bias_ua)
        self.bias_ua = [float(b) for b in bias_ua]

    def wires(self, pulse_fwhm_ps: float) -> NDArray[np.void]:
        """Return the detectors' records, a copy: as biased now, as left by the past."""
        bias = tuple(self.effective_bias_ua())
        wires = self.bank.wires(bias, pulse_fwhm_ps).copy()
        if self.records is not None:
            for name in self.bank.carried:
                wires[name] = self.records[name]
        blinded = [answer.mode is not Mode.GEIGER for answer in self.answers]
        if any(blinded):
            rows = wires[blinded]
            self.bank.blind(rows)
            wires[blinded] = rows
        return wires

    def shine(self, power_w: Sequence[float]) -> None:
        """Let light of so much power fall on the detectors, from now on."""
        self.answers = self.bank.answers(self.bias_ua, self.latched, power_w)
        modes = [answer.mode is Mode.LATCHED for answer in self.answers]
        self.latched = [a or b for a, b in zip(self.latched, modes, strict=True)]

    def leave(self, records: NDArray[np.void], next_pulse: int) -> None:
        """Take the detectors as a call left them."""
        self.records, self.next_pulse = records, next_pulse
        stopped = zip(self.latched, self.bank.latched_in(records), strict=True)
        self.latched = [before or now for before, now in stopped]

    def effective_bias_ua(self) -> list[float]:
        """Return the currents that can detect: 0 where a wire is latched."""
        pairs = zip(self.bias_ua, self.latched, strict=True)
        return [0.0 if stuck else bias for bias, stuck in pairs]

    def voltages_mv(self) -> list[float]:
        """Return the voltage that the bias source sees on each wire."""
        return self.bank.voltages_mv(self.latched, self.bias_ua)


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks of one call.

    times_ps: per detector int64[n], sorted; each call's follow the former call's
    complete_until_ps: per detector, no later call gives a tag before this
    """

    times_ps: tuple[NDArray[np.int64], ...]
    complete_until_ps: NDArray[np.int64]
