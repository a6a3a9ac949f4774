"""What goes wrong on the bench itself at some moment: not lines, but light and wires.

Incidents act on what the world reads, tick by tick, and leave instruments as they are:
they see only what a real one would see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.bench.knobs import Knobs
from qkdlab_sims.incident import Incident

__all__ = ["NEVER_PS", "Incidents"]

NEVER_PS = 1 << 62
_SPIKE_UA = 1000.0
"""Above every switching current."""


class Incidents:
    """All incidents of a run."""

    def __init__(self, incidents: Sequence[Incident] = ()) -> None:
        self.planned = list(incidents)
        self._turned: tuple[object, float, dict[str, NDArray[np.complex128]]] | None
        self._turned = None

    def apply(self, knobs: Knobs, t_ps: int, tick_ps: int) -> Knobs:
        """Return what acts in the tick that begins at `t_ps`."""
        for one in self.planned:
            begin_ps = one.at_s * 1e12
            end_ps = begin_ps + one.duration_s * 1e12
            if one.kind == "latch" and begin_ps <= t_ps < begin_ps + tick_ps:
                # a wire without bias has nothing that could keep it normal
                knobs = _with_bias(knobs, one, _SPIKE_UA)
            elif one.kind == "silence" and begin_ps <= t_ps < end_ps:
                knobs = _with_bias(knobs, one, 0.0)
            elif one.kind == "brighten" and begin_ps <= t_ps < end_ps:
                each_db = one.gain_db / max(1, len(knobs.transmission))
                gain = 10.0 ** (each_db / 10.0)
                brighter = tuple((n, gain * t) for n, t in knobs.transmission)
                knobs = replace(knobs, transmission=brighter)
        return knobs

    def next_ps(self, t_ps: int, tick_ps: int) -> int:
        """Return when, after `t_ps`, an incident begins or ends; far away if none."""
        times = [NEVER_PS]
        for one in self.planned:
            begin_ps = one.at_s * 1e12
            edges = (begin_ps, begin_ps + tick_ps, begin_ps + one.duration_s * 1e12)
            times += [int(edge) for edge in edges if edge > t_ps]
        return min(times)

    def turn(
        self, rotation: Mapping[str, NDArray[np.complex128]], t_ps: int
    ) -> Mapping[str, NDArray[np.complex128]]:
        """Return the rotations of the fibres at `t_ps`.

        The same arrays come back until a fibre moves: the world looks for that.
        """
        angle_rad = sum(
            one.angle_rad
            for one in self.planned
            if one.kind == "turn" and one.at_s * 1e12 <= t_ps
        )
        if angle_rad == 0.0:
            return rotation
        key = tuple(id(r) for r in rotation.values())
        if self._turned is None or self._turned[:2] != (key, angle_rad):
            turn = _rotation(angle_rad)
            turned = {name: turn @ r for name, r in rotation.items()}
            self._turned = key, angle_rad, turned
        return self._turned[2]


def _with_bias(knobs: Knobs, incident: Incident, bias_ua: float) -> Knobs:
    chosen = incident.detectors or range(len(knobs.bias_ua))
    changed = [
        bias_ua if d in chosen and present > 0.0 else present
        for d, present in enumerate(knobs.bias_ua)
    ]
    return replace(knobs, bias_ua=tuple(changed))


def _rotation(angle_rad: float) -> NDArray[np.complex128]:
    """Return a rotation of the sphere about (1, 1, 1), as a matrix on amplitudes."""
    half = angle_rad / 2.0
    c, s = np.cos(half), np.sin(half) / 3.0**0.5
    return np.array([[c - 1j * s, -s - 1j * s], [s - 1j * s, c + 1j * s]])
