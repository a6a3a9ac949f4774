"""What an experiment may ask of instruments and composites: small Protocols of methods.

One file per role. Names carry units. Every role has `safe_state`. No properties: a
look at an attribute must never cause hardware I/O.

The names are loaded on first use: driver specifications import `qkdlab.roles.spec`,
and a command that only reads them must not pay for numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qkdlab.roles.active_receiver import ActiveReceiver
    from qkdlab.roles.attenuator import Attenuator, AttenuatorCapabilities
    from qkdlab.roles.basis_modulator import BasisModulator
    from qkdlab.roles.bias import BiasSource, BiasSourceCapabilities
    from qkdlab.roles.clock_source import ClockSource, ClockSourceCapabilities
    from qkdlab.roles.compensator import PolarizationCompensator
    from qkdlab.roles.counter_transmitter import (
        CounterModeTransmitter,
        CounterTransmitterCapabilities,
    )
    from qkdlab.roles.delay import DelayGenerator, DelayGeneratorCapabilities
    from qkdlab.roles.fresh_transmitter import FreshTransmitter
    from qkdlab.roles.laser import LaserDriver, LaserDriverCapabilities
    from qkdlab.roles.pattern import PatternGenerator, PatternGeneratorCapabilities
    from qkdlab.roles.power_meter import PowerMeter, PowerMeterCapabilities
    from qkdlab.roles.receiver import Receiver
    from qkdlab.roles.rotator import Rotator, RotatorCapabilities
    from qkdlab.roles.tagger import TaggerCapabilities, TimeTagger
    from qkdlab.roles.transmitter import Transmitter
    from qkdlab.roles.voltage import VoltageSource, VoltageSourceCapabilities

__all__ = [
    "ActiveReceiver",
    "Attenuator",
    "AttenuatorCapabilities",
    "BasisModulator",
    "BiasSource",
    "BiasSourceCapabilities",
    "ClockSource",
    "ClockSourceCapabilities",
    "CounterModeTransmitter",
    "CounterTransmitterCapabilities",
    "DelayGenerator",
    "DelayGeneratorCapabilities",
    "FreshTransmitter",
    "LaserDriver",
    "LaserDriverCapabilities",
    "PatternGenerator",
    "PatternGeneratorCapabilities",
    "PolarizationCompensator",
    "PowerMeter",
    "PowerMeterCapabilities",
    "Receiver",
    "Rotator",
    "RotatorCapabilities",
    "TaggerCapabilities",
    "TimeTagger",
    "Transmitter",
    "VoltageSource",
    "VoltageSourceCapabilities",
]

_MODULES = {
    "ActiveReceiver": "active_receiver",
    "Attenuator": "attenuator",
    "AttenuatorCapabilities": "attenuator",
    "BasisModulator": "basis_modulator",
    "BiasSource": "bias",
    "BiasSourceCapabilities": "bias",
    "ClockSource": "clock_source",
    "ClockSourceCapabilities": "clock_source",
    "CounterModeTransmitter": "counter_transmitter",
    "CounterTransmitterCapabilities": "counter_transmitter",
    "DelayGenerator": "delay",
    "DelayGeneratorCapabilities": "delay",
    "FreshTransmitter": "fresh_transmitter",
    "LaserDriver": "laser",
    "LaserDriverCapabilities": "laser",
    "PatternGenerator": "pattern",
    "PatternGeneratorCapabilities": "pattern",
    "PolarizationCompensator": "compensator",
    "PowerMeter": "power_meter",
    "PowerMeterCapabilities": "power_meter",
    "Receiver": "receiver",
    "Rotator": "rotator",
    "RotatorCapabilities": "rotator",
    "TaggerCapabilities": "tagger",
    "TimeTagger": "tagger",
    "Transmitter": "transmitter",
    "VoltageSource": "voltage",
    "VoltageSourceCapabilities": "voltage",
}


def __getattr__(name: str) -> Any:
    """Load a role on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
