"""What the Time Controller answers on its command socket (5555, REQ/REP).

Each message gets one reply, sets included; several commands in one message get theirs
joined, by ``;`` or by line ends: clients differ [code, conflict]. A set is answered by
the new value, which the one client that looks at such replies expects at the end
[code]; the rest of the wording is [guess] but for the fixed texts named in `_ACTIONS`.
"""

from __future__ import annotations

from typing import Literal

from qkdlab_sims.instruments.idq_id900.scpi import (
    CommandTree,
    Found,
    ScpiError,
    Unit,
    units,
)
from qkdlab_sims.instruments.idq_id900.settings import SETTINGS
from qkdlab_sims.instruments.idq_id900.state import block_state
from qkdlab_sims.instruments.idq_id900.unit import Unit as Instrument
from qkdlab_sims.instruments.machine import MessageOutbox

__all__ = ["Control"]

_QUERIES = (
    "*IDN",
    "DEVIce:RESolution:BWIDth",
    "DEVIce:STATe",
    "INPUt{4}:STATe",
    "INPUt{4}:COUNter",
    "INPUt{4}:HIREs:ERROr",
    "STARt:STATe",
    "STARt:COUNter",
    "STARt:HIREs:ERROr",
    "DELAy{8}:STATe",
    "HISTogram{4}:STATe",
    "HISTogram{4}:DATA",
    "RAW{4}:ERRORs",
    "RECord:STAGe",
)
_ACTIONS = {
    "DEVIce:CONFiguration:LOAD": "",
    "DEVIce:SAMPling:RECAlibrate": "Recalibration done",
    "INPUt{4}:COUNter:RESEt": "Counter value set to 0 ",
    "STARt:COUNter:RESEt": "Counter value set to 0 ",
    "INPUt{4}:HIREs:ERROr:CLEAr": "Cleared Highres errors",
    "STARt:HIREs:ERROr:CLEAr": "Cleared Highres errors",
    "HISTogram{4}:FLUSh": "Flushed Histogram!",
    "RAW{4}:ERRORs:CLEAr": "Errors cleared",
    "RECord:STOP": "STOPPED",
    "RECord:PLAY": "PLAYING",
}
"""Replies of actions; counters, high resolution and histogram as clients read them."""
_INTEGRATION = ("INPUt{4}:COUNter:INTEgrationtime", "STARt:COUNter:INTEgrationtime")
_UNIT_PS = {"ms": 1_000_000_000, "ns": 1_000}


class Control:
    """The command socket of one unit."""

    def __init__(
        self,
        unit: Instrument,
        *,
        serial: str,
        model: str,
        separator: Literal[";", "\n"],
        counter_unit: Literal["ms", "ns"],
        response_ps: int,
    ) -> None:
        self._unit = unit
        self._identity = f"IDQ {model} Time Controller, Serial : {serial}, Firmware 2.1"
        self._separator = separator
        self._counter_ps = _UNIT_PS[counter_unit]
        self._response_ps = response_ps
        self._outbox = MessageOutbox()
        self._queries = CommandTree(_QUERIES)
        self._actions = CommandTree(_ACTIONS)
        self._settings = CommandTree((*SETTINGS, *_INTEGRATION))

    def feed(self, message: bytes, now_ps: int) -> None:
        """Take a message; a unit that hangs says nothing any more."""
        if self._unit.hung:
            return
        replies = []
        for unit in units(message.decode("utf-8", "replace")):
            try:
                replies.append(self._obey(unit, now_ps))
            except ScpiError as error:
                replies.append(str(error))
        text = self._separator.join(replies) if replies else "SCPI_ERR_NO_COMMAND"
        self._outbox.put(text.encode(), now_ps + self._response_ps)

    def take(self, now_ps: int) -> list[bytes]:
        """Give all replies that may be heard by `now_ps`."""
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next reply is due."""
        return self._outbox.next_wake_ps()

    def _obey(self, unit: Unit, now_ps: int) -> str:
        if unit.is_query:
            if found := self._queries.find(unit.words):
                return self._query(found, now_ps)
            if found := self._settings.find(unit.words):
                return self._show(found)
        elif found := self._settings.find(unit.words):
            if not unit.argument:
                raise ScpiError("SCPI_ERR_PARAM_CNT")
            return self._set(found, unit.argument, now_ps)
        elif found := self._actions.find(unit.words):
            return self._act(found, unit.argument, now_ps)
        raise ScpiError(f"{':'.join(unit.words)} SCPI_ERR_INVALID_CMD")

    def _show(self, found: Found) -> str:
        if found.pattern in _INTEGRATION:
            counter = self._unit.ports[found.number].counter
            return str(counter.cycle_ps // self._counter_ps)
        return self._unit.settings.show(found.pattern, found.number)

    def _set(self, found: Found, argument: str, now_ps: int) -> str:
        unit = self._unit
        unit.run(now_ps)
        counter = unit.ports[found.number].counter if found.number < 5 else None
        if found.pattern in _INTEGRATION and counter is not None:
            if not argument.isdigit() or int(argument) == 0:
                raise ScpiError("SCPI_ERR_PARAM_TYPE")
            counter.cycle_ps = int(argument) * self._counter_ps
            counter.reset(now_ps)
            return argument
        if found.pattern == "HISTogram{4}:BWIDth":
            self._check_bin_width(argument)
        shown = unit.settings.set(found.pattern, found.number, argument)
        if found.pattern.endswith("COUNter:MODE") and counter is not None:
            counter.cycles = shown == "CYCLE"
        unit.settings_changed()
        return shown

    def _check_bin_width(self, argument: str) -> None:
        width = SETTINGS["HISTogram{4}:BWIDth"].kind.parse(argument)
        if width == 0 or int(width) % self._unit.time_base.bin_ps:
            raise ScpiError("SCPI_ERR_PARAM_OVERFLOW")

    def _query(self, found: Found, now_ps: int) -> str:
        unit = self._unit
        number = found.number
        match found.pattern:
            case "*IDN":
                return self._identity
            case "DEVIce:RESolution:BWIDth":
                return str(unit.time_base.bin_ps)
            case "INPUt{4}:COUNter" | "STARt:COUNter":
                unit.run(now_ps)
                return str(unit.ports[number].counter.value())
            case "INPUt{4}:HIREs:ERROr" | "STARt:HIREs:ERROr":
                return "0"
            case "HISTogram{4}:DATA":
                unit.run(now_ps)
                n = int(unit.settings.get("HISTogram{4}:BCOUnt", number))
                return str(unit.histograms[number][:n].tolist())
            case "RAW{4}:ERRORs":
                return str(unit.errors[number])
            case "RECord:STAGe":
                unit.run(now_ps)
                return "PLAYING" if unit.playing else "STOPPED"
            case _:
                cycle_ps = unit.ports[number if number < 5 else 0].counter.cycle_ps
                integration = cycle_ps // self._counter_ps
                return block_state(found.pattern, number, unit.settings, integration)

    def _act(self, found: Found, argument: str, now_ps: int) -> str:
        unit = self._unit
        unit.run(now_ps)
        match found.pattern:
            case "DEVIce:CONFiguration:LOAD":
                if argument.upper() not in ("INIT", "HISTO", "COUNT", "BLANK"):
                    raise ScpiError("SCPI_ERR_PARAM_TYPE")
                unit.stop(now_ps)
                unit.settings.load(with_links=argument.upper() != "BLANK")
                unit.settings_changed()
                return argument.upper()
            case "INPUt{4}:COUNter:RESEt" | "STARt:COUNter:RESEt":
                unit.ports[found.number].counter.reset(now_ps)
            case "HISTogram{4}:FLUSh":
                unit.flush_histogram(found.number)
            case "RAW{4}:ERRORs:CLEAr":
                unit.errors[found.number] = 0
            case "RECord:STOP":
                unit.stop(now_ps)
            case "RECord:PLAY":
                if unit.settings.get("RECord:ENABle") != "ON":
                    return "RECORDER DISABLED"
                unit.stop(now_ps)
                unit.play(now_ps)
        return _ACTIONS[found.pattern]
