"""Composites by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import COMPOSITE_FIELDS
from qkdlab.station.composites.active_receiver import ActiveReceiver
from qkdlab.station.composites.basis_modulator import BasisModulator
from qkdlab.station.composites.compensator import WaveplateCompensator
from qkdlab.station.composites.fixed_detectors import FixedDetectors
from qkdlab.station.composites.fresh_transmitter import FreshTransmitter
from qkdlab.station.composites.receiver import Receiver
from qkdlab.station.composites.transmitter import Transmitter

if TYPE_CHECKING:
    from qkdlab import roles

    # Type checkers compare what is built with what experiments may ask of it.
    _transmitter: type[roles.Transmitter] = Transmitter
    _fresh: type[roles.FreshTransmitter] = FreshTransmitter
    _receiver: type[roles.Receiver] = Receiver
    _active: type[roles.ActiveReceiver] = ActiveReceiver
    _basis: type[roles.BasisModulator] = BasisModulator
    _fixed: type[roles.BiasSource] = FixedDetectors
    _compensator: type[roles.PolarizationCompensator] = WaveplateCompensator

__all__ = ["COMPOSITES", "build"]

Builder = Callable[[Any, Mapping[str, Any], PartyBook], Any]

COMPOSITES: dict[str, Builder] = {
    "active_receiver": ActiveReceiver.from_config,
    "basis_modulator": BasisModulator.from_config,
    "fixed_detectors": FixedDetectors.from_config,
    "fresh_transmitter": FreshTransmitter.from_fields,
    "receiver": Receiver.from_config,
    "transmitter": Transmitter.from_config,
    "waveplate_compensator": WaveplateCompensator.from_config,
}
"""Each takes its model of `qkdlab.config.composites.COMPOSITE_FIELDS`."""


def build(
    name: str,
    fields: Mapping[str, Any],
    instruments: Mapping[str, Any],
    book: PartyBook,
) -> Any:
    """Return the composite `name` made of `instruments`.

    fields: of the role, as a configuration that was loaded holds them
    """
    checked = COMPOSITE_FIELDS[name].model_validate({"composite": name, **fields})
    return COMPOSITES[name](checked, instruments, book)
