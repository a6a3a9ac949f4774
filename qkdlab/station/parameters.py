"""Parameters of an open instrument: QCoDeS parameters, and ``get_x``/``set_x`` pairs.

QCoDeS is not imported: a parameter is what an instrument keeps in its ``parameters``.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

from qkdlab.errors import InstrumentError, QkdlabError, UsageError
from qkdlab.station.names import ParameterName, unknown

__all__ = ["Parameter", "find_parameter"]

_BOOLEANS = {"on": True, "true": True, "off": False, "false": False}
_UNITS = {
    **{"db": "dB", "dbm": "dBm", "v": "V", "mv": "mV", "w": "W", "ma": "mA"},
    **{"ua": "uA", "hz": "Hz", "deg": "deg", "ohm": "Ohm", "nm": "nm"},
    **{"ps": "ps", "ms": "ms", "s": "s"},
}
"""Units by the endings of the names of methods."""
_NOT_OURS = frozenset({"IDN", "timeout"})

Check = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""


@dataclass(frozen=True)
class Parameter:
    """One value of an instrument.

    name:   as users write it, for messages
    read, write: None where the instrument offers no such thing
    check:  says what is wrong with a value before anything is sent
    """

    name: str
    unit: str
    read: Callable[[], Any] | None
    write: Callable[[Any], None] | None
    check: Check

    def get(self) -> Any:
        """Ask the instrument.

        Raises UsageError when it cannot be asked, InstrumentError.
        """
        if self.read is None:
            raise UsageError(f"{self.name}: can be set, but not read")
        return _plainly(self.name, self.read)

    def set(self, value: Any) -> None:
        """Check a value and send it.

        Raises UsageError when it is not allowed or cannot be set, InstrumentError.
        """
        write = self.write
        if write is None:
            raise UsageError(f"{self.name}: can be read, but not set")
        problem = self.check(value)
        if problem is not None:
            raise UsageError(f"{self.name}: {value!r} is not allowed: {problem}")
        _plainly(self.name, lambda: write(value))

    def parse(self, text: str) -> Any:
        """Return the value that `text` stands for; raises UsageError.

        Numbers, ``on`` and ``off``, words, and lists (``22,22,0,0``).
        """
        problem: str | None = None
        for value in _readings(text):
            problem = self.check(value)
            if problem is None:
                return value
        raise UsageError(f"{self.name}: '{text}' is not allowed: {problem}")

    def number(self, value: float) -> float:
        """Return a number as the parameter takes it: whole where it must be.

        Raises UsageError when it takes no such number.
        """
        for candidate in (value, round(value)):
            if self.check(candidate) is None:
                return candidate
        raise UsageError(f"{self.name}: {value:g} is not allowed: {self.check(value)}")


def find_parameter(instrument: Any, name: ParameterName) -> Parameter:
    """Return a parameter of an instrument that is open.

    Raises UsageError, with a suggestion and all names, when it has none of that name.
    """
    known = dict(_parameters(instrument))
    if name.parameter not in known:
        raise unknown(name.text, "parameter", name.parameter, sorted(known))
    whole = replace(known[name.parameter], name=name.text)
    return whole if name.index is None else _element(whole, name.index)


def _parameters(instrument: Any) -> Iterator[tuple[str, Parameter]]:
    for name in dir(type(instrument)):
        if name.startswith("get_"):
            pair = _pair(instrument, name.removeprefix("get_"))
            if pair is not None:
                yield pair.name, pair
    for name, found in getattr(instrument, "parameters", {}).items():
        if name not in _NOT_OURS:
            yield name, _of_qcodes(name, found)
    for part, module in getattr(instrument, "submodules", {}).items():
        for name, found in getattr(module, "parameters", {}).items():
            yield f"{part}.{name}", _of_qcodes(f"{part}.{name}", found)


def _of_qcodes(name: str, found: Any) -> Parameter:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) and found.vals is not None:
            # Validators of numbers let True pass for 1.
            try:
                found.vals.validate(0.5)
            except (TypeError, ValueError):
                pass
            else:
                return "a number"
        try:
            found.validate(value)
        except (TypeError, ValueError):
            return str(repr(found.vals)).strip("<>")
        return None

    return Parameter(
        name,
        str(found.unit or ""),
        found.get if found.gettable else None,
        found.set if found.settable else None,
        check,
    )


def _pair(instrument: Any, name: str) -> Parameter | None:
    """Return ``get_<name>`` and ``set_<name>``, if the first takes no arguments."""
    read = getattr(instrument, f"get_{name}")
    if not callable(read) or _arguments(read) or name in ("idn", "component"):
        return None
    write = getattr(instrument, f"set_{name}", None)
    if write is not None and len(_arguments(write)) != 1:
        write = None
    wanted = None if write is None else _argument_type(write)
    unit = _UNITS.get(name.rpartition("_")[2], "")
    return Parameter(name, unit, read, write, lambda v: _type_problem(v, wanted))


def _arguments(method: Any) -> list[str]:
    """Return the names of the arguments that a call must give."""
    return [
        parameter.name
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
    ]


def _argument_type(method: Any) -> Any:
    try:
        return get_type_hints(method).get(_arguments(method)[0])
    except NameError:
        return None


def _type_problem(value: Any, wanted: Any) -> str | None:
    if wanted is bool:
        return None if isinstance(value, bool) else "on or off"
    if wanted is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return None if fits and math.isfinite(value) else "a number"
    if wanted is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
        return None if fits else "a whole number"
    if wanted is str:
        return None if isinstance(value, str) else "a word"
    return None


def _element(whole: Parameter, index: int) -> Parameter:
    """Return one element of a parameter that is a list."""

    def read() -> Any:
        return _list(whole)[index]

    def write(value: Any) -> None:
        values = _list(whole)
        values[index] = value
        whole.set(values)

    def _list(parameter: Parameter) -> list[Any]:
        values = parameter.get()
        if not isinstance(values, list | tuple) or index >= len(values):
            raise UsageError(
                f"{parameter.name}: no such element; the whole is {values!r}"
            )
        return list(values)

    def check(value: Any) -> str | None:
        return whole.check([value])

    return replace(
        whole,
        read=None if whole.read is None else read,
        write=None if whole.write is None else write,
        check=check,
    )


def _readings(text: str) -> Iterator[Any]:
    """Yield what a text may stand for, the most likely first."""
    if text.lower() in _BOOLEANS:
        yield _BOOLEANS[text.lower()]
    for candidate in (text, f"[{text}]"):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, int | float | list) and not isinstance(value, bool):
            yield value
    try:
        if math.isfinite(float(text)):
            yield float(text)
    except ValueError:
        pass
    yield text


def _plainly(name: str, call: Callable[[], Any]) -> Any:
    """Call; undo what QCoDeS adds to the arguments of errors on their way."""
    try:
        return call()
    except QkdlabError as error:
        error.args = error.args[:1]
        raise
    except (TypeError, ValueError) as error:
        raise InstrumentError(name, str(error.args[0])) from error
