"""The phase of a Mach-Zehnder that its bias does not set: relaxation and drift."""

from __future__ import annotations

import math

from qkdlab_sims.optics.rng import gaussians, stream_key

__all__ = ["BiasDrift"]


class BiasDrift:
    """Phase of a lithium niobate modulator beside pi V_rf / V_pi + pi V_dc / V_pi,dc.

    Charges in buffer layer and crystal follow a bias step and screen part of it:
    each share of the voltage fades with a time constant of its own (two RC circuits;
    Teng et al., EPJ Quantum Technol. 2023 [seen abstract]; sources-modulators-aux.md
    section 7, "Bias drift"). That both act on the voltage and add is [D] of that
    circuit. On top the phase wanders: a random walk ("thermal random walk", same row),
    whose steps are keyed by their number. All sizes are [guess].

    walk_rad_per_sqrt_s: width of the walk in one second
    step_ps:             of the walk

    Times never go back. What it gives does not depend on how often it is asked while
    the voltage rests.
    """

    def __init__(
        self,
        seed: int,
        component: str,
        *,
        start_rad: float,
        dc_v_pi_v: float,
        shares: tuple[float, float],
        time_constants_s: tuple[float, float],
        walk_rad_per_sqrt_s: float,
        step_ps: int,
    ) -> None:
        self._key = stream_key(seed, component, "bias drift")
        self._walk_rad = start_rad
        self.dc_v_pi_v = dc_v_pi_v
        self._shares = shares
        self._time_constants_s = time_constants_s
        self._sigma_rad = walk_rad_per_sqrt_s * math.sqrt(step_ps * 1e-12)
        self._step_ps = step_ps
        self._step = 0
        self._voltage_v = 0.0
        self._since_ps = 0
        self._charged_v = [0.0, 0.0]

    def free_rad(self, t_ps: int) -> float:
        """Return the phase at zero volts, screening left out."""
        step = t_ps // self._step_ps
        if step > self._step and self._sigma_rad > 0.0:
            drawn = gaussians(self._key, self._step, step - self._step)
            self._walk_rad += self._sigma_rad * float(drawn[:, 0].sum())
        self._step = max(step, self._step)
        return self._walk_rad

    def screened_v(self, t_ps: int, voltage_v: float) -> float:
        """Return by how many volts charges screen `voltage_v`, applied from `t_ps`."""
        if voltage_v != self._voltage_v:
            self._charged_v = self._charges_v(t_ps)
            self._voltage_v, self._since_ps = voltage_v, t_ps
        a, b = self._charges_v(t_ps)
        return self._shares[0] * a + self._shares[1] * b

    def phase_rad(self, t_ps: int, voltage_v: float) -> float:
        """Return the whole phase but that of the RF drive, for a bias at `t_ps`."""
        acting_v = voltage_v - self.screened_v(t_ps, voltage_v)
        return self.free_rad(t_ps) + math.pi * acting_v / self.dc_v_pi_v

    def _charges_v(self, t_ps: int) -> list[float]:
        """Return the voltage on each of the two capacitors."""
        elapsed_s = (t_ps - self._since_ps) * 1e-12
        return [
            self._voltage_v + (before - self._voltage_v) * math.exp(-elapsed_s / tau_s)
            for before, tau_s in zip(
                self._charged_v, self._time_constants_s, strict=True
            )
        ]
