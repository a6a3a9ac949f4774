"""The ports of every kind of part: which way they face and what they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DELAY_OUTPUTS", "PORTS", "Port", "split_port"]

Medium = Literal["optical", "rf", "dc", "trigger", "reference"]


@dataclass(frozen=True, slots=True)
class Port:
    """One connector.

    media:  what its cable may carry
    is_out: whether the signal leaves here
    open:   what an unconnected port is: ``error``, ``warning`` or ``fine``
    many:   whether it may feed several cables (a distribution)
    returned: whether only light leaves here that came back into an output
    """

    media: tuple[Medium, ...]
    is_out: bool
    open: Literal["error", "warning", "fine"] = "error"
    many: bool = False
    returned: bool = False


_IN = Port(("optical",), is_out=False)
_OUT = Port(("optical",), is_out=True)
_DARK_OUT = Port(("optical",), is_out=True, open="warning")
_RF_IN = Port(("rf",), is_out=False)
_THROUGH = {"in": _IN, "out": _OUT}
_MODULATOR = {"in": _IN, "rf": _RF_IN, "out": _OUT}
_RF_THROUGH = {"in": _RF_IN, "out": Port(("rf",), is_out=True)}
_REFERENCE_IN = Port(("reference",), is_out=False, open="warning")
DELAY_OUTPUTS = ("t0", "ab", "cd", "ef", "gh")
"""Of a delay generator, as its front panel names them."""
_TAGGER_INPUT = Port(("trigger",), is_out=False, open="fine")

PORTS: dict[str, dict[str, Port]] = {
    "clock": {
        "ref_in": Port(("reference",), is_out=False, open="fine"),
        "out": Port(("rf",), is_out=True, open="fine"),
        "ref_out": Port(("reference",), is_out=True, open="fine", many=True),
    },
    "pulse_former": _RF_THROUGH,
    "laser": {"clock": _RF_IN, "out": _OUT},
    "loss": _THROUGH,
    "intensity_modulator": {
        **_MODULATOR,
        "bias": Port(("dc",), is_out=False),
    },
    "phase_modulator": _MODULATOR,
    "amplifier": _RF_THROUGH,
    "tap": {"in": _IN, "out": _OUT, "tap": _DARK_OUT},
    "variable_attenuator": _THROUGH,
    "power_meter": {"in": _IN},
    "fibre": _THROUGH,
    "free_space": _THROUGH,
    "satellite_pass": _THROUGH,
    "eavesdropper": _THROUGH,
    "waveplate": _THROUGH,
    "beam_splitter": {
        "in": _IN,
        "in2": Port(("optical",), is_out=False, open="fine"),
        "x": _DARK_OUT,
        "z": _DARK_OUT,
    },
    "circulator": {
        "in": _IN,
        "out": _OUT,
        "back": Port(("optical",), is_out=True, open="warning", returned=True),
    },
    "polarizing_splitter": {"in": _IN, "h": _DARK_OUT, "v": _DARK_OUT},
    "quantum_dot": _THROUGH,
    "pair_source": {"in": _IN, "signal": _DARK_OUT, "idler": _DARK_OUT},
    "diffuser": _THROUGH,
    "interferometer": {"in": _IN, "a": _DARK_OUT, "b": _DARK_OUT},
    "squeezer": {**_THROUGH, "drive": Port(("dc",), is_out=False, open="warning")},
    "snspd": {"in": _IN, "out": Port(("trigger",), is_out=True)},
    "spad": {"in": _IN, "out": Port(("trigger",), is_out=True)},
    "awg": {
        "ref_in": _REFERENCE_IN,
        "ch1": Port(("rf",), is_out=True, open="fine"),
        "ch2": Port(("rf",), is_out=True, open="fine"),
        "sync": Port(("trigger",), is_out=True, open="fine"),
    },
    "voltage_source": {"out": Port(("dc",), is_out=True)},
    "delay_generator": {
        "trigger": Port(("trigger",), is_out=False),
        "timebase": _REFERENCE_IN,
        **dict.fromkeys(DELAY_OUTPUTS, Port(("trigger",), is_out=True, open="fine")),
    },
    "tagger": {
        "start": Port(("trigger",), is_out=False, open="warning"),
        "input1": _TAGGER_INPUT,
        "input2": _TAGGER_INPUT,
        "input3": _TAGGER_INPUT,
        "input4": _TAGGER_INPUT,
    },
}
"""By the ``kind`` of a part, then by the port's name."""


def split_port(name: str) -> tuple[str, str]:
    """Split ``part.port``; the port is empty when there is no dot."""
    part, _, port = name.rpartition(".")
    return (part, port) if part else (port, "")
