"""Symbols to volts: an intensity and a polarization modulator on two channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import TransmitterFields
from qkdlab.roles import PatternGenerator

__all__ = ["Transmitter", "class_levels_v"]

_PHASE_STEPS = {(0, 0): 0.0, (0, 1): 1.0, (1, 0): 0.5, (1, 1): 1.5}
"""(basis, bit) -> phase in units of V_pi: D, A in X; R, L in Z."""


@dataclass
class Transmitter:
    """Turns packed symbols into waveforms for a Mach-Zehnder and a phase modulator.

    The Mach-Zehnder sits at its null: ``T(V) = 1/2 [1 - cos(pi V / V_pi)]``. The phase
    modulator, entered at 45 degrees, makes D, R, A, L at 0, 1/2, 1, 3/2 V_pi. Volts
    are at the generator's output into 50 Ohm; the calibration records
    ``intensity_v_pi`` and ``polarization_v_pi`` refer to the same place, so they hold
    the amplifiers' gains. The record ``polarization_skew_ps`` tells by how much the
    pulses meet the phase modulator's symbols later than the intensity modulator's.
    """

    generator: PatternGenerator
    book: PartyBook
    intensity_channel: int = 1
    polarization_channel: int = 2

    def upload(
        self,
        settings: NDArray[np.uint8],
        transmissions: Mapping[int, float],
        *,
        samples_per_symbol: int,
        symbol_period_ps: int,
        intensity_v: NDArray[np.float64] | None = None,
        intensity_span_v: float | None = None,
        polarization_v: NDArray[np.float64] | None = None,
    ) -> None:
        """Load one period of symbols; the outputs stay off.

        All patterns come with the same settings of the generator's output stage,
        whatever they hold, so that levels measured with one are those of another.

        settings:      uint8[n], packed as `qkdlab.protocols.symbols`: bit 0 the bit,
                       bit 1 the basis (0 X, 1 Z), bits 2-3 the intensity class
        transmissions: modulator transmission wanted per class, relative to its
                       greatest
        intensity_v:   float64[n], volts of the intensity modulator's channel in place
                       of those of the classes: a sweep, for which no record is needed
        intensity_span_v: greatest voltage of the whole sweep
        polarization_v: float64[n], the same for the phase modulator

        Raises InstrumentError when the generator refuses.
        """
        if intensity_v is None:
            v_pi_v = self.book.value("intensity_v_pi")
            bright_v = class_levels_v(transmissions, v_pi_v)[(settings >> 2) & 3]
            bright_span_v = v_pi_v
        else:
            bright_v = intensity_v
            bright_span_v = float(bright_v.max())
        if intensity_span_v is not None:
            bright_span_v = intensity_span_v
        if polarization_v is None:
            phase_v = self.state_levels_v()
            turn_v, turn_span_v = phase_v[settings & 3], (0.0, float(phase_v.max()))
        else:
            turn_v = polarization_v
            turn_span_v = float(turn_v.min()), float(turn_v.max())
        rate_hz = samples_per_symbol * 1e12 / symbol_period_ps
        volts = {
            self.intensity_channel: np.repeat(bright_v, samples_per_symbol),
            self.polarization_channel: np.roll(
                np.repeat(turn_v, samples_per_symbol), -self._skew_samples(rate_hz)
            ),
        }
        spans_v = {
            self.intensity_channel: (0.0, bright_span_v),
            self.polarization_channel: turn_span_v,
        }
        self.generator.load_waveforms(volts, rate_hz, spans_v)

    def _skew_samples(self, rate_hz: float) -> int:
        """Return by how many samples the phase modulator's channel starts early.

        None before the step that finds how late it is.
        """
        if not self.book.knows("polarization_skew_ps"):
            return 0
        return round(self.book.value("polarization_skew_ps") * rate_hz * 1e-12)

    def state_levels_v(self) -> NDArray[np.float64]:
        """Return the volts of the states, by ``2 basis + bit``."""
        v_pi_v = self.book.value("polarization_v_pi")
        levels_v = np.zeros(4)
        for (basis, bit), step in _PHASE_STEPS.items():
            levels_v[2 * basis + bit] = step * v_pi_v
        return levels_v

    def start(self) -> None:
        """Start both channels in step."""
        self.generator.start()

    def stop(self) -> None:
        """Switch both outputs off: the Mach-Zehnder rests at its null."""
        self.generator.stop()

    def safe_state(self) -> None:
        """Switch both outputs off."""
        self.generator.safe_state()

    @classmethod
    def from_config(
        cls, fields: TransmitterFields, instruments: Mapping[str, Any], book: PartyBook
    ) -> Transmitter:
        """Build from the fields of a configuration's role."""
        return cls(
            instruments[fields.generator],
            book,
            fields.intensity_channel,
            fields.polarization_channel,
        )


def class_levels_v(
    transmissions: Mapping[int, float], v_pi_v: float
) -> NDArray[np.float64]:
    """Return the volts of the intensity classes, by their number."""
    levels_v = np.zeros(4)
    for index, transmission in transmissions.items():
        share = min(max(transmission, 0.0), 1.0)
        levels_v[index] = v_pi_v / np.pi * np.arccos(1.0 - 2.0 * share)
    return levels_v
