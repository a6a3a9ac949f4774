"""Simulated instruments by the names that configurations use."""

from __future__ import annotations

import importlib
import inspect
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qkdlab.errors import ConfigError
from qkdlab.plugins import did_you_mean
from qkdlab_sims.bench.draws import generator
from qkdlab_sims.bench.ports import Instrument
from qkdlab_sims.sections import SimulationSection

if TYPE_CHECKING:
    from qkdlab.config.models import InstrumentConfig, RunConfig

__all__ = ["SIMULATORS", "Connection", "build", "connections"]

_PACKAGE = "qkdlab_sims.instruments"

SIMULATORS: dict[str, str] = {
    "hp.8156a": "hp_8156a",
    "idquantique.id900": "idq_id900",
    "keysight.33622a": "keysight_33622a",
    "koheron.ctl200": "koheron_ctl200",
    "open.fpga_transmitter": "open_fpga_transmitter",
    "ozoptics.dd100": "oz_dd100",
    "picoquant.multiharp150": "picoquant_multiharp",
    "singlequantum.websq": "singlequantum_websq",
    "srs.dc205": "srs_dc205",
    "srs.dg645": "srs_dg645",
    "srs.sg384": "srs_sg384",
    "thorlabs.ell14_bus": "thorlabs_ell14",
    "thorlabs.pm100d": "thorlabs_pm100d",
}
"""Name of the simulated device -> module with its class ``Simulator``."""


@dataclass
class Connection:
    """One simulated device: an instrument, or a bus with several.

    name:      ``party.instrument`` or ``party.bus``
    simulator: its name in `SIMULATORS`
    options:   of the simulator
    users:     configured instruments behind it by name
    """

    name: str
    simulator: str
    options: dict[str, Any] = field(default_factory=dict)
    users: dict[str, InstrumentConfig] = field(default_factory=dict)


def connections(config: RunConfig, section: SimulationSection) -> dict[str, Connection]:
    """Return the devices that a configuration needs, by name.

    Raises ConfigError when a bus is not described.
    """
    found: dict[str, Connection] = {}
    for party, station in config.parties.items():
        for name, instrument in station.instruments.items():
            device = f"{party}.{instrument.bus or name}"
            if device not in found:
                found[device] = _connection(device, instrument, section)
            found[device].users[f"{party}.{name}"] = instrument
    return found


def build(connection: Connection, seed: int, **given: Any) -> Instrument:
    """Make a simulated device.

    given: options that the world sets; those of the configuration come first

    Raises ConfigError for an unknown simulator or option, and for values that no such
    device can have.
    """
    module = SIMULATORS.get(connection.simulator)
    if module is None:
        raise ConfigError(
            f"{connection.name}: no simulated {connection.simulator!r}"
            + did_you_mean(connection.simulator, SIMULATORS)
        )
    simulator = importlib.import_module(f"{_PACKAGE}.{module}").Simulator
    options = {
        "serial": f"{zlib.crc32(connection.name.encode()) % 10**6:06d}",
        "rng": generator(seed, connection.name, "instrument"),
        **given,
        **connection.options,
    }
    known = inspect.signature(simulator).parameters
    for option in connection.options:
        if option not in known:
            raise ConfigError(
                f"simulation.instruments.{connection.name}.options.{option}: the "
                f"simulated {connection.simulator} has no such option"
                + did_you_mean(option, known)
            )
    try:
        made: Instrument = simulator(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"simulation.instruments.{connection.name}.options: {error}"
        ) from error
    return made


def _connection(
    device: str, instrument: InstrumentConfig, section: SimulationSection
) -> Connection:
    override = section.instruments.get(device)
    options = dict(override.options) if override is not None else {}
    if instrument.bus is not None:
        bus = section.buses.get(device)
        if bus is None:
            raise ConfigError(
                f"simulation.buses: no entry for {device!r} ({instrument.driver})"
                + did_you_mean(device, section.buses)
            )
        return Connection(device, bus.simulator, {"addresses": bus.addresses} | options)
    simulator = override.simulator if override is not None else None
    return Connection(device, simulator or instrument.driver, options)
