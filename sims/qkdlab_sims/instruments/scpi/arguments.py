"""Values in arguments: numbers with units, booleans, choices, names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from qkdlab_sims.instruments.scpi.status import ScpiError
from qkdlab_sims.instruments.scpi.syntax import Argument, Block, Quoted

__all__ = [
    "AMPERE",
    "DECIBEL",
    "HERTZ",
    "METRE",
    "OHM",
    "SECOND",
    "VOLT",
    "WATT",
    "boolean",
    "choice",
    "limit_value",
    "number",
    "text",
]

_NUMBER = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE]\s*[+-]?\d+)?)\s*([A-Za-z/%][A-Za-z/%]*)?"
)
_BASES = {"H": 16, "Q": 8, "B": 2}

# `M` is milli, except before HZ and OHM where it is mega (IEEE 488.2 section 7.7.3).
VOLT = {"V": 1.0, "MV": 1e-3, "UV": 1e-6, "KV": 1e3, "VPP": 1.0, "MVPP": 1e-3}
HERTZ = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6, "GHZ": 1e9, "UHZ": 1e-6}
SECOND = {"S": 1.0, "MS": 1e-3, "US": 1e-6, "NS": 1e-9}
METRE = {"M": 1.0, "MM": 1e-3, "UM": 1e-6, "NM": 1e-9, "PM": 1e-12}
OHM = {"OHM": 1.0, "KOHM": 1e3, "MOHM": 1e6}
DECIBEL = {"DB": 1.0}
WATT = {"W": 1.0, "MW": 1e-3, "UW": 1e-6, "NW": 1e-9, "PW": 1e-12}
AMPERE = {"A": 1.0, "MA": 1e-3, "UA": 1e-6, "NA": 1e-9}


def number(
    argument: Argument,
    units: Mapping[str, float] | None = None,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    default: float | None = None,
) -> float:
    """Return a number in the base unit; MIN, MAX and DEF give those passed.

    The range is for the caller to check: instruments differ in what they do then.
    Raises ScpiError -104, -120, -131, -138 or -224.
    """
    if not isinstance(argument, str):
        raise ScpiError(-104)
    typed = argument.upper()
    special = limit_value(typed, minimum=minimum, maximum=maximum, default=default)
    if special is not None:
        return special
    if typed[:1] == "#" and typed[1:2] in _BASES:
        try:
            return float(int(typed[2:], _BASES[typed[1]]))
        except ValueError:
            raise ScpiError(-120) from None
    found = _NUMBER.fullmatch(argument)
    if found is None:
        raise ScpiError(-104 if typed[:1].isalpha() else -120)
    value = float(found.group(1).replace(" ", ""))
    unit = found.group(2)
    if unit is None:
        return value
    if not units:
        raise ScpiError(-138)
    if unit.upper() not in units:
        raise ScpiError(-131)
    return value * units[unit.upper()]


def limit_value(
    argument: Argument,
    *,
    minimum: float | None,
    maximum: float | None,
    default: float | None = None,
) -> float | None:
    """Return what MIN, MAX or DEF stands for; None when it is none of them.

    Raises ScpiError -224 when the word is known but has no value here.
    """
    if not isinstance(argument, str):
        return None
    for word, value in (
        ("MINimum", minimum),
        ("MAXimum", maximum),
        ("DEFault", default),
    ):
        if _is_word(argument, word):
            if value is None:
                raise ScpiError(-224)
            return value
    return None


def boolean(argument: Argument) -> bool:
    """Return ON, OFF or a number (rounded; not 0 is ON) as a truth value."""
    if isinstance(argument, str):
        if argument.upper() == "ON":
            return True
        if argument.upper() == "OFF":
            return False
    return round(number(argument)) != 0


def choice(argument: Argument, words: Sequence[str]) -> str:
    """Return the short form of the word chosen; raises ScpiError -224 otherwise.

    `words` are written as manuals print them: ``NORMal``.
    """
    if isinstance(argument, Block):
        raise ScpiError(-104)
    typed = argument.text if isinstance(argument, Quoted) else argument
    for word in words:
        if _is_word(typed, word):
            return _short_form(word)
    raise ScpiError(-224)


def text(argument: Argument) -> str:
    """Return a name, quoted or not."""
    if isinstance(argument, Block):
        raise ScpiError(-104)
    return argument.text if isinstance(argument, Quoted) else argument


def _short_form(word: str) -> str:
    return "".join(c for c in word if not c.islower())


def _is_word(typed: str, word: str) -> bool:
    return typed.upper() in (_short_form(word), word.upper())
