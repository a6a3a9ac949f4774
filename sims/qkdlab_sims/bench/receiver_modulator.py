"""A modulator of the receiver's own, through which all light to his detectors passes.

What he makes of the light is one more factor of its table of contexts: a pattern of his
on one of the sender's is a longer pattern, a generator of his beside hers a law of both
(`qkdlab_sims.optics.settings.joint`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath
from qkdlab.wiring.parts import IntensityModulator, PhaseModulator
from qkdlab_sims.bench.fresh_settings import FreshRun, fresh_light
from qkdlab_sims.bench.paths import rf_chain
from qkdlab_sims.bench.ports import GeneratorOutput
from qkdlab_sims.bench.source import ModulatedSource, repeats_after
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.settings.joint import JointLaw

__all__ = ["ReceiverModulator", "receiver_modulator", "turned"]


class ReceiverModulator:
    """The modulator and the generator that drives it.

    n_stages:  stages of the path up to and with it
    generator: its part; None where nothing drives it
    """

    def __init__(
        self, source: ModulatedSource, n_stages: int, generator: str | None
    ) -> None:
        self.n_stages = n_stages
        self.generator = generator
        self._source = source
        self._shown: Light | None = None
        self._fresh: FreshRun | None = None
        self._light = source.pattern({}, 0, {})

    def light(
        self,
        outputs: Mapping[tuple[str, int], GeneratorOutput],
        delay_ps: int,
        fresh: FreshRun | None,
    ) -> Light:
        """Return what becomes of one photon per pulse in D, the same object at rest.

        outputs, delay_ps: as of `ModulatedSource.pattern`
        fresh: the run under way of the generator, if it makes settings
        """
        shown = self._source.pattern(outputs, delay_ps, {})
        if shown is not self._shown or fresh is not self._fresh:
            self._shown, self._fresh = shown, fresh
            self._light = (
                _constant(shown) if fresh is None else fresh_light(shown, fresh)
            )
        return self._light


def receiver_modulator(
    graph: Graph, path: OpticalPath, n_source: int, n_common: int
) -> ReceiverModulator | None:
    """Return the modulator on a path behind the sender's; None without one.

    n_source: stages of the sender's modulators
    n_common: stages behind those that all ways to detectors have in common

    Raises ConfigError when there are several, or light is split before it.
    """
    found = [
        at
        for at, stage in enumerate(path.stages)
        if at >= n_source
        and isinstance(stage.part, IntensityModulator | PhaseModulator)
    ]
    if not found:
        return None
    stage = path.stages[found[0]]
    if len(found) > 1 or found[0] >= n_source + n_common:
        raise ConfigError(
            f"wiring.parts.{stage.name}: the simulated world takes one modulator at "
            "the receiver, where the light to all detectors passes"
        )
    chain = rf_chain(graph, stage.name)
    return ReceiverModulator(
        ModulatedSource(graph, path, owner=stage.part.owner),
        found[0] + 1,
        None if chain is None else chain.awg,
    )


def _constant(shown: Light) -> Light:
    """Return the same light, in one context where a pattern holds one level only."""
    if not np.allclose(shown.jones, shown.jones[0], rtol=0.0, atol=1e-9):
        return shown
    return replace(shown, jones=shown.jones[:1])


def turned(light: Light, to_modulator: NDArray[np.complex128], by: Light) -> Light:
    """Return light behind the receiver's modulator.

    to_modulator: of the way from `light` to it
    by:           what it makes of D, see `ReceiverModulator.light`

    Raises ConfigError for a pattern on one side and a generator on the other, which
    follow no law together.
    """
    # D has both components alike: what became of them are the modulator's factors
    factors = math.sqrt(2.0) * by.jones
    if by.n_contexts == 1:
        return light.through(np.diag(factors[0]) @ to_modulator)
    fields = light.jones @ (to_modulator @ light.matrix).T
    if light.n_contexts == 1:
        fields, first_pulse, law = factors * fields, by.first_pulse, by.law
    elif light.law is None and by.law is None:
        n = repeats_after(len(fields), len(factors))
        pulses, first_pulse, law = np.arange(n), light.first_pulse, None
        lag = by.first_pulse - light.first_pulse
        fields = fields[pulses % len(fields)] * factors[(pulses - lag) % len(factors)]
    elif light.law is not None and by.law is not None:
        first_pulse = light.first_pulse
        law = JointLaw.beside(light.law, by.law, by.first_pulse - first_pulse)
        fields = (factors[:, None, :] * fields).reshape(-1, 2)
    else:
        raise ConfigError(
            "the simulated world takes settings from generators on both sides, or "
            "patterns on both sides"
        )
    return replace(
        light,
        jones=np.ascontiguousarray(fields),
        first_pulse=first_pulse,
        law=law,
        matrix=np.eye(2, dtype=np.complex128),
    )
