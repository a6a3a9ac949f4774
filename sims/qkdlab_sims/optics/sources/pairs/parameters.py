"""What a source of photon pairs is: how many, in which state, how wide in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.normal._kernels import GAUSS_BOUND
from qkdlab_sims.optics.polarization import PAULI
from qkdlab_sims.optics.ranges import in_range

__all__ = ["PairSource", "PairState"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True)
class PairState:
    """Polarization of a pair: a Werner state about cos b |HX> + e^(i p) sin b |VY>.

    family:      "phi" has X = H, Y = V; "psi" has X = V, Y = H
    phase_rad:   p; 0 gives Phi+ or Psi+, pi gives Phi- or Psi-
    balance_rad: b; pi/4 is maximally entangled
    visibility:  V in V |pure><pure| + (1 - V) 1/4; V = 1 - 2 e where e is the error
                 rate in any basis (Werner 1989; sources-modulators-aux.md section 7
                 [mem]); CHSH gives S = 2 sqrt 2 V (theory.md section 4)
    rotation_rad: turn of Bob's linear polarization, a misaligned reference frame;
                 any other unitary belongs to the path to the detectors
    """

    family: Literal["phi", "psi"] = "phi"
    phase_rad: float = 0.0
    balance_rad: float = math.pi / 4
    visibility: float = 1.0
    rotation_rad: float = 0.0

    def __post_init__(self) -> None:
        in_range("visibility", self.visibility, 0.0, 1.0, "1")
        in_range("balance_rad", self.balance_rad, 0.0, math.pi / 2, "rad")
        in_range("phase_rad", self.phase_rad, -math.pi, math.pi, "rad")
        in_range("rotation_rad", self.rotation_rad, -math.pi, math.pi, "rad")

    def correlation(self) -> NDArray[np.float64]:
        """Return T, float64[4, 4], with rho = 1/4 sum T_ij s_i x s_j over Stokes axes.

        Analysers of vectors M and N (`polarization.analyser_vector`) see a pair with
        probability M T N / 4.
        """
        pure = np.zeros((2, 2), np.complex128)
        swap = self.family == "psi"
        pure[0, 1 if swap else 0] = math.cos(self.balance_rad)
        pure[1, 0 if swap else 1] = np.exp(1j * self.phase_rad) * math.sin(
            self.balance_rad
        )
        c, s = math.cos(self.rotation_rad), math.sin(self.rotation_rad)
        pure = pure @ np.array([[c, s], [-s, c]])
        tensor: NDArray[np.float64] = np.einsum(
            "ab,iac,jbd,cd->ij", pure.conj(), PAULI, PAULI, pure
        ).real
        tensor *= self.visibility
        tensor[0, 0] = 1.0
        return tensor


@dataclass(frozen=True, slots=True)
class PairSource:
    """Spontaneous parametric down-conversion into two arms.

    pair_rate_hz:    of a continuous source of many modes: pairs are a Poisson process
                     [mem]; 0 for a pulsed one
    pairs_per_pulse: mean number mu of a pulsed source; 0 for a continuous one
    schmidt_number:  K modes of a pulse share mu equally, each thermal, so that the
                     number is negative binomial, P(n) = C(n+K-1, n) (mu/K)^n /
                     (1+mu/K)^(n+K) (sources-modulators-aux.md section 7 [mem];
                     Christ et al., New J. Phys. 13, 033027 (2011) [mem]); g2 of one
                     arm is 1 + 1/K. Need not be whole, infinite is Poisson
    heralding_alice, heralding_bob: probability that a photon comes from the crystal
                     into the arm [mem]
    correlation_fwhm_ps: of the delay between the photons of a pair at the source
    emission_fwhm_ps: of the instant of emission in a pulse
    bandwidth_fwhm_nm: of one photon; the other's detuning is opposite
    dispersion_alice_ps_per_nm, dispersion_bob_ps_per_nm: of each arm; the coincidence
                     peak widens by their sum times the bandwidth, so opposite signs
                     cancel (Franson, Phys. Rev. A 45, 3126 (1992) [mem])

    Pairs of one pulse are independent in polarization: stimulated emission within a
    mode makes their number thermal here, but their polarizations no more alike than
    chance does. Exact for one polarization and for K >> 1. Errors of entangled pairs
    by two pairs in a pulse, mu^2 (1 + 1/K)/2 here, are mu^2/2 by theory whatever K is
    (Ma, Fung and Lo, PRA 76, 012307 (2007) [C] for K = 2 with both polarizations
    counted); where they matter more than g2 take K infinite.
    """

    state: PairState
    pair_rate_hz: float = 0.0
    pairs_per_pulse: float = 0.0
    schmidt_number: float = math.inf
    heralding_alice: float = 1.0
    heralding_bob: float = 1.0
    correlation_fwhm_ps: float = 0.0
    emission_fwhm_ps: float = 0.0
    bandwidth_fwhm_nm: float = 0.0
    dispersion_alice_ps_per_nm: float = 0.0
    dispersion_bob_ps_per_nm: float = 0.0

    def __post_init__(self) -> None:
        in_range("pair_rate_hz", self.pair_rate_hz, 0.0, 1e12, "Hz")
        in_range("pairs_per_pulse", self.pairs_per_pulse, 0.0, 100.0, "1")
        if self.pair_rate_hz > 0.0 and self.pairs_per_pulse > 0.0:
            raise ValueError("a pair source has pair_rate_hz or pairs_per_pulse")
        if self.schmidt_number != math.inf:
            in_range("schmidt_number", self.schmidt_number, 1.0, 1e9, "1")
        in_range("heralding_alice", self.heralding_alice, 0.0, 1.0, "1")
        in_range("heralding_bob", self.heralding_bob, 0.0, 1.0, "1")
        in_range("correlation_fwhm_ps", self.correlation_fwhm_ps, 0.0, 1e6, "ps")
        in_range("emission_fwhm_ps", self.emission_fwhm_ps, 0.0, 1e6, "ps")
        in_range("bandwidth_fwhm_nm", self.bandwidth_fwhm_nm, 0.0, 1e3, "nm")
        for name in ("dispersion_alice_ps_per_nm", "dispersion_bob_ps_per_nm"):
            in_range(name, getattr(self, name), -1e5, 1e5, "ps/nm")

    def dispersion_sigmas_ps(self) -> tuple[float, float]:
        """Return what one standard deviation of detuning delays Alice's and Bob's.

        Their signs are opposite where the arms are alike.
        """
        sigma_nm = self.bandwidth_fwhm_nm / _FWHM_IN_SIGMAS
        return (
            sigma_nm * self.dispersion_alice_ps_per_nm,
            -sigma_nm * self.dispersion_bob_ps_per_nm,
        )

    def peak_sigma_ps(self) -> float:
        """Return the standard deviation of the delay within pairs, without jitter."""
        alice, bob = self.dispersion_sigmas_ps()
        return math.hypot(self.correlation_fwhm_ps / _FWHM_IN_SIGMAS, alice - bob)

    def emission_sigmas_ps(self) -> NDArray[np.float64]:
        """Return float64[4]: of emission, dispersion to Alice, to Bob, own delay."""
        alice, bob = self.dispersion_sigmas_ps()
        own = self.correlation_fwhm_ps / _FWHM_IN_SIGMAS
        return np.array([self.emission_fwhm_ps / _FWHM_IN_SIGMAS, alice, bob, own])

    def lead_ps(self) -> int:
        """Return a delay that no draw of those exceeds."""
        return math.ceil(GAUSS_BOUND * float(np.abs(self.emission_sigmas_ps()).sum()))

    def log_dark(self, seen: float) -> float:
        """Return ln of the chance that no pair of a pulse is among the seen share."""
        if math.isinf(self.schmidt_number):
            return -self.pairs_per_pulse * seen
        modes = self.schmidt_number
        return -modes * math.log1p(self.pairs_per_pulse * seen / modes)

    def seen_counts(self, seen: float) -> NDArray[np.float64]:
        """Return the chances of at most 1, 2, ... seen pairs in a pulse with any.

        A share of negative binomial pairs is negative binomial with the same K. The
        tail left out is below the resolution of the numbers that draw from it.
        """
        mean = self.pairs_per_pulse * seen
        modes = self.schmidt_number
        log_none = self.log_dark(seen)
        any_pair = -math.expm1(log_none)
        chance, below, n = math.exp(log_none), 0.0, 0
        out: list[float] = []
        while not out or (below < 1.0 - 2.0**-34):
            if math.isinf(modes):
                chance *= mean / (n + 1)
            else:
                chance *= (n + modes) / (n + 1) * mean / (modes + mean)
            n += 1
            below += chance / any_pair
            out.append(below)
        return np.array(out)
