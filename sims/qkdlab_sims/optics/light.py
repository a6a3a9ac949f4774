"""`Light`: a table of pulses by symbol context."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.polarization import mueller_matrix, stokes_vectors

__all__ = ["Light", "StateTable"]


def _identity() -> NDArray[np.complex128]:
    return np.eye(2, dtype=np.complex128)


@dataclass(frozen=True, eq=False)
class StateTable:
    """Stokes vectors of a pattern, float64[n, 4], read-only, and their largest S0."""

    stokes: NDArray[np.float64]
    brightest: float

    @classmethod
    def of(cls, jones: NDArray[np.complex128]) -> StateTable:
        """Return the table of fields complex128[n, 2]."""
        stokes = np.ascontiguousarray(stokes_vectors(jones))
        stokes.flags.writeable = False
        return cls(stokes, float(stokes[:, 0].max()))


@dataclass(frozen=True, eq=False)
class Light:
    """Pulses that repeat a pattern of contexts.

    jones:               complex128[n, 2], field of each context before `matrix`, in
                         square roots of photons per pulse
    wavelength_nm:       vacuum wavelength
    first_pulse:         pulse k has context (k - first_pulse) mod n
    pulse_fwhm_ps:       width of the pulse's power in time
    intensity_noise_rms: relative, white from pulse to pulse, common to all photons of
                         a pulse
    matrix:              transfer still to be applied, the same for all contexts
    phase_law:           "random": the phase is uniform and new for each pulse

    Components change `matrix` only, so a knob costs nothing per context.
    """

    jones: NDArray[np.complex128]
    wavelength_nm: float
    first_pulse: int = 0
    pulse_fwhm_ps: float = 0.0
    intensity_noise_rms: float = 0.0
    matrix: NDArray[np.complex128] = field(default_factory=_identity)
    phase_law: str = "random"
    table: StateTable = field(init=False, repr=False)
    known_table: InitVar[StateTable | None] = None

    def __post_init__(self, known_table: StateTable | None) -> None:
        if self.jones.ndim != 2 or self.jones.shape[1] != 2 or not len(self.jones):
            raise ValueError("Light wants jones as complex128[n, 2] with n >= 1")
        if self.phase_law != "random":
            raise ValueError(f"phase law {self.phase_law!r} is not known; use 'random'")
        table = known_table or StateTable.of(self.jones)
        object.__setattr__(self, "table", table)

    @property
    def n_contexts(self) -> int:
        """Return the number of pulses after which the pattern repeats."""
        return len(self.jones)

    def context(self, pulse: int) -> int:
        """Return the context of `pulse`."""
        return (pulse - self.first_pulse) % self.n_contexts

    def through(self, jones: NDArray[np.complex128]) -> Light:
        """Return the light after a component with the 2x2 matrix `jones`."""
        return self._with_matrix(jones @ self.matrix)

    def attenuated(self, transmission: float) -> Light:
        """Return the light after a loss; `transmission` of the power goes on."""
        return self._with_matrix(np.sqrt(transmission) * self.matrix)

    def modulated(self, jones: NDArray[np.complex128], first_pulse: int) -> Light:
        """Return the light after a modulator that follows a pattern.

        jones: complex128[n, 2, 2] by pulse of the pattern, or complex128[n] for a
        modulator that treats both polarizations alike; `first_pulse` is the pulse that
        meets entry 0. The light so far must be unmodulated (one context).
        """
        if self.n_contexts != 1:
            raise ValueError("light can be modulated by a pattern once")
        incoming = self.matrix @ self.jones[0]
        fields = jones[:, None] * incoming if jones.ndim == 1 else jones @ incoming
        return replace(
            self,
            jones=fields,
            first_pulse=first_pulse,
            matrix=_identity(),
        )

    def stokes(self) -> NDArray[np.float64]:
        """Return float64[n, 4], Stokes vectors in photons per pulse by context."""
        return self.table.stokes @ mueller_matrix(self.matrix).T

    def mean_photons(self) -> NDArray[np.float64]:
        """Return float64[n], mean photon number of a pulse by context."""
        photons: NDArray[np.float64] = (
            self.table.stokes @ mueller_matrix(self.matrix)[0]
        )
        return photons

    def _with_matrix(self, matrix: NDArray[np.complex128]) -> Light:
        return replace(self, matrix=matrix, known_table=self.table)
