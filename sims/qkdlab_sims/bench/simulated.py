"""`SimulatedBench`: lines to simulated instruments, virtual time, and the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkdlab.clock import VirtualClock
from qkdlab.errors import ConfigError
from qkdlab.plugins import did_you_mean
from qkdlab.transport.base import Transport
from qkdlab_sims.bench.assembly import assemble
from qkdlab_sims.bench.expectation import expect
from qkdlab_sims.bench.lines import Lines
from qkdlab_sims.bench.truth_report import light_at_output, report
from qkdlab_sims.sections import SimulationSection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qkdlab.config.models import RunConfig

__all__ = ["SimulatedBench"]


class SimulatedBench:
    """A `qkdlab.station.bench.Bench` in virtual time.

    Raises ConfigError when the configuration is no bench that can be simulated.
    """

    def __init__(self, config: RunConfig, seed: int) -> None:
        section = config.sections.get("simulation") or SimulationSection()
        if not isinstance(section, SimulationSection):
            raise ConfigError("simulation: not a section of the simulated bench")
        self._assembly = assemble(config, section, seed)
        self._nominal = config.wiring
        self.clock: VirtualClock = self._assembly.clock
        self._lines = {
            name: Lines(
                name,
                device.simulator,
                self._assembly.instruments[name],
                section.faults.get(name, []),
                self.clock,
                self._assembly.world.deliver
                if name in self._assembly.taggers
                else None,
            )
            for name, device in self._assembly.devices.items()
        }

    def connect(self, party: str, connection: str, endpoint: str) -> Transport:
        """Return the line to an endpoint of an instrument, or of a bus, of `party`.

        Raises ConfigError when there is no such instrument, bus or endpoint.
        """
        name = f"{party}.{connection}"
        if name not in self._lines:
            raise ConfigError(
                f"parties.{party}: no instrument or bus {connection!r}"
                + did_you_mean(name, self._lines)
            )
        return self._lines[name].open(endpoint)

    def truth(self) -> dict[str, Any]:
        """Return true values, JSON-able (see `bench.truth_report`).

        They are those of the last tick in which a recording tagger met light that
        carries a pattern, or of the present tick if there was none.
        """
        return report(self._assembly.true, self._nominal, self._assembly.world)

    def truth_light(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the light that left the sender, of the same tick as :meth:`truth`.

        (mean photon numbers float64[n], Stokes vectors in photons float64[n, 4]) by
        symbol of the pattern; symbol 0 is the first after the pattern's start.
        """
        stokes = light_at_output(self._assembly.world)
        return stokes[:, 0], stokes

    def expectation(self, parameters: Any) -> dict[str, Any] | None:
        """Return what the true world leads one to expect (see `bench.expectation`).

        parameters: of an experiment with `intensities.ordered()`,
                    `pattern.header_symbols`, `detection.gate_ps` and `blank_ps`; None
                    is returned for any other
        """
        try:
            photons = [c.mean_photon_number for c in parameters.intensities.ordered()]
            gate_ps, blank_ps = (
                parameters.detection.gate_ps,
                parameters.detection.blank_ps,
            )
            header = parameters.pattern.header_symbols
        except AttributeError:
            return None
        return expect(
            self._assembly.world,
            relative_intensities=[p / photons[0] for p in photons],
            header_symbols=header,
            gate_ps=gate_ps,
            blank_ps=blank_ps,
        )

    def close(self) -> None:
        """Close all lines; closing twice is allowed."""
        for lines in self._lines.values():
            lines.close()
