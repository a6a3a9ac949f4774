"""What an experiment asks of the bench, read off its parameters.

The rules know no experiment: they look for parameters by their names and leave out
what they do not find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel

__all__ = ["Demand"]

PS_PER_S = 1e12


@dataclass(frozen=True, slots=True)
class Demand:
    """Figures that the rules need; None where the experiment does not say.

    intensities: class -> (mean photon number at the sender's output, probability)
    intensity_v_pi_v, polarization_v_pi_v, basis_v_pi_v: of the labels, at the
    generators' outputs; the last of the receiver's modulator
    """

    duration_s: float | None = None
    symbol_period_ps: int | None = None
    symbols: int | None = None
    samples_per_symbol: int | None = None
    wavelength_nm: float | None = None
    intensities: dict[str, tuple[float, float]] | None = None
    bias_ua: tuple[float, ...] | None = None
    predicted_rate_hz: float | None = None
    clock_power_dbm: float | None = None
    intensity_v_pi_v: float | None = None
    polarization_v_pi_v: float | None = None
    basis_v_pi_v: float | None = None

    @classmethod
    def of(cls, parameters: BaseModel) -> Self:
        """Read the figures off checked parameters."""
        data = parameters.model_dump()
        pattern = data.get("pattern") or {}
        detection = data.get("detection") or {}
        calibration = data.get("calibration") or {}
        source = calibration.get("source") or {}
        bias = detection.get("bias_ua")
        return cls(
            duration_s=data.get("duration_s"),
            symbol_period_ps=data.get("symbol_period_ps"),
            symbols=pattern.get("symbols"),
            samples_per_symbol=pattern.get("samples_per_symbol"),
            wavelength_nm=data.get("wavelength_nm"),
            intensities=_intensities(data.get("intensities")),
            bias_ua=tuple(bias) if bias is not None else None,
            predicted_rate_hz=detection.get("predicted_rate_hz"),
            intensity_v_pi_v=source.get("intensity_v_pi_v"),
            polarization_v_pi_v=calibration.get("polarization_v_pi_v"),
            basis_v_pi_v=calibration.get("basis_v_pi_v"),
            clock_power_dbm=source.get("clock_power_dbm"),
        )

    @property
    def pulse_rate_hz(self) -> float | None:
        """Pulses per second."""
        period = self.symbol_period_ps
        return PS_PER_S / period if period else None

    @property
    def frame_ps(self) -> int | None:
        """Duration of one period of the pattern."""
        if self.symbols is None or self.symbol_period_ps is None:
            return None
        return self.symbols * self.symbol_period_ps

    @property
    def sample_rate_hz(self) -> float | None:
        """Samples per second of the pattern generator."""
        rate = self.pulse_rate_hz
        if rate is None or self.samples_per_symbol is None:
            return None
        return rate * self.samples_per_symbol

    @property
    def samples(self) -> int | None:
        """Samples in one period of the pattern."""
        if self.symbols is None or self.samples_per_symbol is None:
            return None
        return self.symbols * self.samples_per_symbol

    @property
    def brightest(self) -> float | None:
        """The greatest mean photon number of all classes."""
        if not self.intensities:
            return None
        return max(mu for mu, _ in self.intensities.values())


def _intensities(data: Any) -> dict[str, tuple[float, float]] | None:
    if not isinstance(data, dict):
        return None
    return {
        name: (entry["mean_photon_number"], entry["probability"])
        for name, entry in data.items()
        if isinstance(entry, dict)
        and {"mean_photon_number", "probability"} <= entry.keys()
    }
