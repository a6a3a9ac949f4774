"""Detectors in modules that nothing sets, counted by the tagger behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkdlab.calibration.party import PartyBook
from qkdlab.clock import PS_PER_S
from qkdlab.config.composites import FixedDetectorsFields
from qkdlab.roles import BiasSourceCapabilities, TimeTagger

__all__ = ["FixedDetectors"]


@dataclass
class FixedDetectors:
    """A `BiasSource` whose bias is what the modules were made with.

    Such detectors are on whenever they have power. They show no current and no
    voltage; what they count, the tagger counts.

    tagger:     counts, one input per detector, from 0 on
    n_detectors: how many there are
    """

    tagger: TimeTagger
    n_detectors: int

    def bias_capabilities(self) -> BiasSourceCapabilities:
        """Return the limits: no current to be set."""
        return BiasSourceCapabilities(self.n_detectors, 0.0, 1, is_fixed=True)

    def set_bias_ua(self, currents_ua: list[float]) -> None:
        """Do nothing: there is nothing to set."""
        del currents_ua

    def get_bias_ua(self) -> list[float]:
        """Return zeros: no current of this station flows."""
        return [0.0] * self.n_detectors

    def get_voltages_mv(self) -> list[float]:
        """Return zeros: modules keep their voltages to themselves."""
        return [0.0] * self.n_detectors

    def count_rates_hz(self, duration_s: float) -> list[float]:
        """Count with the tagger for `duration_s` and return the rates.

        Ends the acquisition that it begins. Raises whatever the tagger raises.
        """
        self.tagger.start(0, self.tagger.tagger_capabilities().max_rate_hz)
        try:
            block = self.tagger.read(round(duration_s * PS_PER_S))
        finally:
            self.tagger.stop()
        counts = np.bincount(block.ch, minlength=self.n_detectors)
        counted_s = (block.t_end - block.t_begin) / PS_PER_S
        return [float(n) / counted_s for n in counts[: self.n_detectors]]

    def set_enabled(self, enabled: bool) -> None:
        """Do nothing: they are on."""
        del enabled

    def safe_state(self) -> None:
        """Do nothing: no command of this station could make them safer."""

    @classmethod
    def from_config(
        cls,
        fields: FixedDetectorsFields,
        instruments: Mapping[str, Any],
        book: PartyBook,
    ) -> FixedDetectors:
        """Build from the fields of a configuration's role."""
        del book
        return cls(instruments[fields.tagger], fields.n_detectors)
