"""What an experiment may ask of an instrument: small Protocols of methods.

One file per role. Names carry units. Every role has `safe_state`. No properties: a
look at an attribute must never cause hardware I/O.
"""

from qkdlab.roles.attenuator import Attenuator, AttenuatorCapabilities
from qkdlab.roles.bias import BiasSource, BiasSourceCapabilities
from qkdlab.roles.pattern import PatternGenerator, PatternGeneratorCapabilities
from qkdlab.roles.power_meter import PowerMeter, PowerMeterCapabilities
from qkdlab.roles.rotator import Rotator, RotatorCapabilities
from qkdlab.roles.tagger import TaggerCapabilities, TimeTagger

__all__ = [
    "Attenuator",
    "AttenuatorCapabilities",
    "BiasSource",
    "BiasSourceCapabilities",
    "PatternGenerator",
    "PatternGeneratorCapabilities",
    "PowerMeter",
    "PowerMeterCapabilities",
    "Rotator",
    "RotatorCapabilities",
    "TaggerCapabilities",
    "TimeTagger",
]
