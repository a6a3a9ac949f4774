"""A tagger's connectors as the bench sees them: pulses go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.tagger_inputs.flaws import flawed
from qkdlab_sims.instruments.tagger_inputs.ports import Port

__all__ = ["InputPanel"]


class InputPanel:
    """START (SYNC), number 0, and the inputs from 1 on.

    heights_v:     of the pulses at each, START first; negative ones go down
    width_ps:      of all pulses
    jitter_rms_ps: of each edge
    flaws:         fields of `Flaws`; none without
    rng:           of the edges' jitter, and of flaws
    """

    def __init__(
        self,
        heights_v: Sequence[float],
        *,
        width_ps: int,
        jitter_rms_ps: float,
        flaws: Mapping[str, Any] | None,
        rng: np.random.Generator,
    ) -> None:
        self.jitter_rms_ps = jitter_rms_ps
        self.ports = [
            Port(
                stream, height_v=height, width_ps=width_ps, jitter_rms_ps=jitter_rms_ps
            )
            for stream, height in zip(rng.spawn(len(heights_v)), heights_v, strict=True)
        ]
        self._felt, self.course = flawed(flaws, len(self.ports), rng)
        for port in self.ports:
            port.is_mixed = self._felt is not None

    @property
    def start_height_v(self) -> float:
        """Height of the pulses at START; negative ones go down."""
        return self.ports[0].height_v

    @start_height_v.setter
    def start_height_v(self, value_v: float) -> None:
        self.ports[0].height_v = value_v

    def push(self, input_index: int, t_ps: NDArray[np.int64]) -> None:
        """Give pulses at an input (1 ...), world time, sorted.

        Each call's pulses follow those of the former call.
        """
        self._push(input_index, t_ps)

    def push_start(self, t_ps: NDArray[np.int64]) -> None:
        """Give pulses at START; see :meth:`push`."""
        self._push(0, t_ps)

    def _push(self, number: int, t_ps: NDArray[np.int64]) -> None:
        if self._felt is None:
            self.ports[number].push(t_ps)
            return
        for other, felt_ps in self._felt.felt(number, t_ps):
            self.ports[other].push(felt_ps)

    def rehearse(self) -> None:
        """Run the compiled loops once, so that none is loaded while time runs."""
        from qkdlab_sims.instruments.tagger_inputs._kernels import discriminate

        nothing = np.empty(0, np.int64)
        discriminate(nothing, np.empty(0, np.uint64), 1.0, 0, 0, 0, nothing)
