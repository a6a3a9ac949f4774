"""`Light`: a table of pulses by symbol context."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.polarization import mueller_matrix, stokes_vectors

if TYPE_CHECKING:
    from qkdlab_sims.optics.settings.law import ContextLaw
    from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics

__all__ = ["Light", "StateTable"]


def _identity() -> NDArray[np.complex128]:
    return np.eye(2, dtype=np.complex128)


@dataclass(frozen=True, eq=False)
class StateTable:
    """Stokes vectors by context, float64[n, 4], read-only; mean and largest S0."""

    stokes: NDArray[np.float64]
    mean: NDArray[np.float64]
    brightest: float

    @classmethod
    def of(
        cls,
        jones: NDArray[np.complex128],
        probabilities: NDArray[np.float64] | None = None,
    ) -> StateTable:
        """Return the table of fields complex128[n, 2], contexts as often as given.

        probabilities: float64[n]; without them all come equally often
        """
        stokes = np.ascontiguousarray(stokes_vectors(jones))
        stokes.flags.writeable = False
        mean = np.average(stokes, axis=0, weights=probabilities)
        return cls(stokes, mean, float(stokes[:, 0].max()))


@dataclass(frozen=True, eq=False)
class Light:
    """Pulses whose contexts follow a law, on continuous light if there is any.

    jones:               complex128[n, 2], field of each context before `matrix`, in
                         square roots of photons per period
    wavelength_nm:       vacuum wavelength
    law:                 None: the contexts are a pattern that repeats, pulse k has
                         context (k - first_pulse) mod n; else it has that which the
                         law gives pulse k - first_pulse
    first_pulse:         see `law`
    delay_ps:            pulse k comes so long after its slot opens
    pulse_share:         of the photons, those in pulses; the others come evenly spread
                         over time with the mean state of the pattern
    pulse_fwhm_ps:       width of the pulse's power in time
    intensity_noise_rms: relative, white from pulse to pulse, common to all photons of
                         a pulse; normal, in steps (`NOISE_LEVELS`)
    matrix:              transfer still to be applied, the same for all contexts
    phase_law:           "random": the phase is uniform and new for each pulse;
                         "correlated": a diode above threshold between pulses lets
                         each pulse begin with what is left of the former one's field
    dynamics:            what each pulse has of its own, width and noise among it; None:
                         nothing but what the fields above say
    phase_step_rad:      with `dynamics`, standard deviation of the phase between
                         neighbours; infinite when phases are random

    Clicks of one pulse do not depend on the phase law. Components change `matrix`
    only, so a knob costs nothing per context.
    """

    jones: NDArray[np.complex128]
    wavelength_nm: float
    first_pulse: int = 0
    delay_ps: int = 0
    pulse_share: float = 1.0
    pulse_fwhm_ps: float = 0.0
    intensity_noise_rms: float = 0.0
    matrix: NDArray[np.complex128] = field(default_factory=_identity)
    phase_law: Literal["random", "correlated"] = "random"
    law: ContextLaw | None = None
    dynamics: PulseDynamics | None = None
    phase_step_rad: float = math.inf
    table: StateTable = field(init=False, repr=False)
    known_table: InitVar[StateTable | None] = None

    def __post_init__(self, known_table: StateTable | None) -> None:
        if self.jones.ndim != 2 or self.jones.shape[1] != 2 or not len(self.jones):
            raise ValueError("Light wants jones as complex128[n, 2] with n >= 1")
        law = self.law
        if law is not None and law.n_contexts != len(self.jones):
            raise ValueError("Light wants as many fields as its law has contexts")
        table = known_table
        if table is None:
            odds = None if law is None else law.probabilities()
            table = StateTable.of(self.jones, odds)
        object.__setattr__(self, "table", table)

    @property
    def n_contexts(self) -> int:
        """Return the number of contexts, after which a pattern repeats."""
        return len(self.jones)

    def context(self, pulse: int) -> int:
        """Return the context of `pulse`."""
        if self.law is not None:
            return int(self.law.contexts(np.array([pulse - self.first_pulse]))[0])
        return (pulse - self.first_pulse) % self.n_contexts

    def through(self, jones: NDArray[np.complex128]) -> Light:
        """Return the light after a component with the 2x2 matrix `jones`."""
        return self._with_matrix(jones @ self.matrix)

    def attenuated(self, transmission: float) -> Light:
        """Return the light after a loss; `transmission` of the power goes on."""
        return self._with_matrix(np.sqrt(transmission) * self.matrix)

    def modulated(
        self,
        jones: NDArray[np.complex128],
        first_pulse: int,
        law: ContextLaw | None = None,
    ) -> Light:
        """Return the light after a modulator that follows a pattern or a law.

        jones: complex128[n, 2, 2] by context, or complex128[n, 2] for one that does
        not mix H and V, or complex128[n] for one that treats both alike;
        `first_pulse` is the pulse that meets entry 0 of the pattern or is pulse 0 of
        the law. The light so far must be unmodulated (one context).
        """
        if self.n_contexts != 1:
            raise ValueError("light can be modulated by a pattern once")
        incoming = self.matrix @ self.jones[0]
        if jones.ndim == 3:
            fields = jones @ incoming
        else:
            fields = incoming * (jones if jones.ndim == 2 else jones[:, None])
        return replace(
            self,
            jones=fields,
            first_pulse=first_pulse,
            law=law,
            matrix=_identity(),
        )

    @cached_property
    def _mueller(self) -> NDArray[np.float64]:
        return mueller_matrix(self.matrix)

    def transfer(self) -> NDArray[np.float64]:
        """Return float64[4, 4], from `table` to Stokes vectors of pulses."""
        return self.pulse_share * self._mueller

    def stokes(self) -> NDArray[np.float64]:
        """Return float64[n, 4], Stokes vectors in photons per pulse by context."""
        return self.table.stokes @ self.transfer().T

    def continuous_stokes(self) -> NDArray[np.float64]:
        """Return float64[4], what comes evenly spread, in photons per period."""
        return (1.0 - self.pulse_share) * self._mueller @ self.table.mean

    def average_stokes(self) -> NDArray[np.float64]:
        """Return float64[4], all light, averaged over the pattern, per period."""
        return self._mueller @ self.table.mean

    def mean_photons(self) -> NDArray[np.float64]:
        """Return float64[n], mean photon number of a pulse by context."""
        photons: NDArray[np.float64] = self.table.stokes @ self.transfer()[0]
        return photons

    def emitted(
        self,
        photons: float,
        *,
        pulse_share: float,
        delay_ps: int,
        wavelength_nm: float,
        phase_law: Literal["random", "correlated"],
        dynamics: PulseDynamics | None = None,
        phase_step_rad: float = math.inf,
    ) -> Light:
        """Return this pattern with a laser's light of `photons` times its photons.

        dynamics: gives width and noise too, as those see them that take pulses as one
        """
        fwhm_ps, noise_rms = self.pulse_fwhm_ps, self.intensity_noise_rms
        if dynamics is not None:
            fwhm_ps, noise_rms = dynamics.blurred_fwhm_ps(), dynamics.noise_rms
        return replace(
            self,
            pulse_fwhm_ps=fwhm_ps,
            intensity_noise_rms=noise_rms,
            dynamics=dynamics,
            phase_step_rad=phase_step_rad,
            matrix=np.sqrt(photons) * self.matrix,
            pulse_share=pulse_share,
            delay_ps=delay_ps,
            wavelength_nm=wavelength_nm,
            phase_law=phase_law,
            known_table=self.table,
        )

    def _with_matrix(self, matrix: NDArray[np.complex128]) -> Light:
        return replace(self, matrix=matrix, known_table=self.table)
