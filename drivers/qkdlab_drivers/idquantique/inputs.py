"""The connectors of an ID900 as QCoDeS modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcodes.instrument import Instrument, InstrumentModule
from qcodes.validators import Bool, Enum, Ints, Numbers

from qkdlab_drivers.idquantique.request import CommandLine

if TYPE_CHECKING:
    from qkdlab_drivers.idquantique.spec import Id900InputOptions

__all__ = ["Id900Input"]


class Id900Input(InstrumentModule[Instrument]):
    """INPUT1 to INPUT4, or START.

    block:       its block, such as ``INPU1``
    delay_block: where its delay is set, such as ``DELA1:VALU`` [code]
    """

    def __init__(
        self,
        parent: Instrument,
        name: str,
        line: CommandLine,
        block: str,
        delay_block: str,
    ) -> None:
        super().__init__(parent, name)
        self._line = line
        self.block = block
        self.enabled = self.add_parameter(
            "enabled",
            docstring="Whether edges are seen.",
            vals=Bool(),
            get_cmd=lambda: line.ask(f"{block}:ENAB?").strip() == "ON",
            set_cmd=lambda on: line.ask(f"{block}:ENAB {'ON' if on else 'OFF'}"),
        )
        """Whether edges are seen."""
        self.threshold_v = self.add_parameter(
            "threshold_v",
            unit="V",
            docstring="Level that a pulse must cross.",
            vals=Numbers(-2.0, 2.0),
            get_cmd=lambda: float(line.ask(f"{block}:THRE?").strip().rstrip("V")),
            set_cmd=lambda volts: line.ask(f"{block}:THRE {volts:g}V"),
        )
        """Level that a pulse must cross."""
        self.edge = self.add_parameter(
            "edge",
            docstring="Flank that counts.",
            vals=Enum("rising", "falling"),
            get_cmd=lambda: line.ask(f"{block}:EDGE?").strip().lower(),
            set_cmd=lambda edge: line.ask(f"{block}:EDGE {edge.upper()}"),
        )
        """Flank that counts."""
        self.coupling = self.add_parameter(
            "coupling",
            docstring="Whether the input passes its mean level: ac or dc.",
            vals=Enum("ac", "dc"),
            get_cmd=lambda: line.ask(f"{block}:COUP?").strip().lower(),
            set_cmd=lambda coupling: line.ask(f"{block}:COUP {coupling.upper()}"),
        )
        """Whether the input passes its mean level: ac or dc."""
        self.select = self.add_parameter(
            "select",
            docstring="What feeds the block: the connector, or the unit's own output.",
            vals=Enum("unshaped", "shaped", "output", "loop"),
            get_cmd=lambda: line.ask(f"{block}:SELE?").strip().lower(),
            set_cmd=lambda source: line.ask(f"{block}:SELE {source.upper()}"),
        )
        """What feeds the block: the connector, or the unit's own output."""
        self.delay_ps = self.add_parameter(
            "delay_ps",
            unit="ps",
            docstring="Added to the time of each edge.",
            vals=Ints(0, 1_000_000_000_000),
            get_cmd=lambda: line.ask_int(f"{delay_block}?"),
            set_cmd=lambda delay_ps: line.ask(f"{delay_block} {delay_ps}"),
        )
        """Added to the time of each edge."""

    def apply(self, options: Id900InputOptions) -> None:
        """Write the settings that are given."""
        for name, value in options.model_dump(exclude_none=True).items():
            self.parameters[name].set(value)
