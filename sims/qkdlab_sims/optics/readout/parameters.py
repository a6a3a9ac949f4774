"""What the readout of a nanowire adds to its clicks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab_sims.optics.ranges import in_range

__all__ = ["Readout", "recovery_tau_ps"]


def recovery_tau_ps(
    length_um: float,
    width_nm: float,
    sheet_inductance_ph: float,
    load_ohm: float = 50.0,
) -> float:
    """Return L_k / R of a nanowire, the time constant with which its current recovers.

    L_k = sheet inductance x length / width: 50 .. 150 pH per square for NbN films of
    5 nm [mem]; R is the amplifier's input (detectors-taggers.md section 7.1).
    """
    in_range("length_um", length_um, 1.0, 1e5, "um")
    in_range("width_nm", width_nm, 10.0, 1e5, "nm")
    in_range("sheet_inductance_ph", sheet_inductance_ph, 0.1, 1e4, "pH")
    in_range("load_ohm", load_ohm, 1.0, 1e6, "Ohm")
    squares = length_um * 1e3 / width_nm
    return squares * sheet_inductance_ph / load_ohm


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """Amplifier, discriminator and heat of one nanowire (detectors-taggers.md 7.1).

    The pulse of a click is as high as the current that the wire has recovered, c times
    that at rest.

    threshold:      c below which the discriminator sees no pulse, though the current
                    is reset [mem]
    grows_jitter:   whether the detector's own jitter is 1/c times that at rest, as
                    noise over slope is [mem]
    walk_ps:        a pulse of height c crosses the threshold later by walk_ps (1/c - 1)
                    (WSi walk at high rate, snsphd.online [doc]; law [mem])
    ac_coupling_ps: time constant of the high-pass; 0 for a DC-coupled readout. Each
                    pulse charges it by recovery_tau/ac_coupling of the bias, which is
                    missing in the wire until it has flowed back (efficiency lost at
                    high rate: Kerman arXiv 1302.2852 [abs]; linear law [guess])
    latching_rate_hz: rate, averaged exponentially over `heating_ps`, above which the
                    wire stays normal until its bias is taken away [mem]
    heating_ps:     see above [guess]
    cooling_ps:     a wire whose current recovers faster than its hot spot cools latches
                    at the first click (Kerman PRB 79 100509, Annunziata arXiv
                    1008.0895 [abs]); 0: it never does

    Raises ValueError outside physics.
    """

    threshold: float = 0.0
    grows_jitter: bool = False
    walk_ps: float = 0.0
    ac_coupling_ps: float = 0.0
    latching_rate_hz: float = math.inf
    heating_ps: float = 1e6
    cooling_ps: float = 0.0

    def __post_init__(self) -> None:
        in_range("threshold", self.threshold, 0.0, 0.99, "1")
        in_range("walk_ps", self.walk_ps, 0.0, 1e4, "ps")
        in_range("ac_coupling_ps", self.ac_coupling_ps, 0.0, 1e12, "ps")
        if math.isfinite(self.latching_rate_hz):
            in_range("latching_rate_hz", self.latching_rate_hz, 1.0, 1e12, "Hz")
        in_range("heating_ps", self.heating_ps, 1.0, 1e12, "ps")
        in_range("cooling_ps", self.cooling_ps, 0.0, 1e9, "ps")

    def heat_limit(self, tau_ps: float) -> float:
        """Return the clicks within `heating_ps` that latch a wire of this recovery."""
        if tau_ps < self.cooling_ps:
            return 0.0
        return self.latching_rate_hz * self.heating_ps * 1e-12
