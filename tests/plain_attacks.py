"""A slow Eve who opens every pulse: the reference for `qkdlab_sims.optics.attacks`.

She works with fields and lists of photons and shares nothing with the engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from plain_optics import X_STATES, Z_STATES, PlainReceiver


@dataclass
class PlainEve(PlainReceiver):
    """A receiver behind Eve; `attacked` is the share of the pulses."""

    action: str = "copy"
    line: float = 1.0
    line_attacked: float = 1.0
    block_singles: float = 0.0
    x_share: float = 0.5
    photons: int = 0
    shift_ps: int = 0

    def clicks(self, n_pulses: int, seed: int) -> list[NDArray[np.int64]]:
        rng = np.random.default_rng(seed)
        which = (np.arange(n_pulses) - self.first_pulse) % len(self.fields)
        sent = self.fields[which] @ self.to_eve.T
        power = np.sum(np.abs(sent) ** 2, axis=1)
        number = rng.poisson(power)
        unit = sent / np.sqrt(power)[:, None]
        hit = rng.random(n_pulses) < self.attacked
        line = np.where(hit, self.line_attacked, self.line)
        late = np.zeros(n_pulses, np.int64)
        extra: tuple[NDArray[np.int64], NDArray[np.complex128]] | None = None
        if self.action == "split":
            single = hit & (number == 1)
            stopped = rng.random(n_pulses) < self.block_singles
            number = np.where(hit & (number > 1), number - 1, number)
            number = np.where(single & stopped, 0, number)
        elif self.action == "shift":
            side = np.where(rng.random(n_pulses) < 0.5, 1, -1)
            late = hit * side * self.shift_ps
        elif self.action == "measure":
            in_x = rng.random(n_pulses) < self.x_share
            states = np.where(in_x[:, None, None], X_STATES, Z_STATES)
            overlap = np.abs(np.sum(states[:, 0].conj() * unit, axis=1)) ** 2
            wrong = (rng.random(n_pulses) >= overlap).astype(int)
            found = states[np.arange(n_pulses), wrong]
            unit = np.where(hit[:, None], found, unit)
            if self.photons:
                number = np.where(hit & (number > 0), self.photons, number)
        elif self.action == "seed":
            four = np.concatenate((X_STATES, Z_STATES))
            chosen = four[rng.integers(0, 4, n_pulses)]
            extra = (hit * self.photons, chosen)
        times: list[list[NDArray[np.int64]]] = [[] for _ in self.detectors]
        if extra is not None:
            self._land(*extra, np.ones(n_pulses), -self.shift_ps + 0 * late, times, rng)
        self._land(number, unit, line, late, times, rng)
        return [
            self.walk(d, np.concatenate(t), n_pulses, rng)
            for d, t in zip(self.detectors, times, strict=True)
        ]

    def _land(self, number, unit, line, late, times, rng):
        pulse = np.repeat(np.arange(len(number)), number)
        reach = np.array(
            [
                np.sum(np.abs(unit @ d.path.T) ** 2, axis=1) * line
                for d in self.detectors
            ]
        )
        steps = np.cumsum(reach, axis=0)[:, pulse]
        detector = np.sum(rng.random(len(pulse)) >= steps, axis=0)
        for i, d in enumerate(self.detectors):
            at = pulse[detector == i]
            times[i].append(at * self.period_ps + d.arrival_ps + late[at])
