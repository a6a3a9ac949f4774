"""Units in the names of fields, and the messages for those who mix them up.

Every number of a configuration is a plain number; its unit is the end of the field's
name, as in ``duration_s`` or ``drift_rad_per_sqrt_s``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["number_hint", "split_unit", "unit_hint", "unit_words"]

_TIME = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}
_SCALES: dict[str, dict[str, float]] = {
    "time": _TIME,
    "frequency": {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    "ratio in decibels": {"db": 1.0},
    "power in decibels": {"dbm": 1.0},
    "power": {"w": 1.0, "mw": 1e-3, "uw": 1e-6, "nw": 1e-9, "pw": 1e-12},
    "voltage": {"v": 1.0, "mv": 1e-3, "uv": 1e-6},
    "current": {"a": 1.0, "ma": 1e-3, "ua": 1e-6, "na": 1e-9},
    "length": {"m": 1.0, "km": 1e3, "mm": 1e-3, "um": 1e-6, "nm": 1e-9},
    "angle": {"deg": 1.0, "rad": 57.29577951308232, "mrad": 0.05729577951308232},
    "fraction": {"ppm": 1e-6, "percent": 1e-2, "rel": 1.0},
    "waves": {"waves": 1.0},
    "bits": {"bits": 1.0},
    "temperature": {"k": 1.0, "mk": 1e-3},
    "resistance": {"ohm": 1.0, "kohm": 1e3},
}
_DIMENSION = {unit: name for name, units in _SCALES.items() for unit in units}
_WORDS = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
    "ps": "picoseconds", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz",
    "ghz": "gigahertz", "db": "decibels", "dbm": "dBm", "w": "watts",
    "mw": "milliwatts", "uw": "microwatts", "nw": "nanowatts", "pw": "picowatts",
    "v": "volts", "mv": "millivolts", "uv": "microvolts", "a": "amperes",
    "ma": "milliamperes", "ua": "microamperes", "na": "nanoamperes", "m": "metres",
    "km": "kilometres", "mm": "millimetres", "um": "micrometres",
    "nm": "nanometres", "deg": "degrees", "rad": "radians", "mrad": "milliradians",
    "ppm": "parts per million", "percent": "per cent", "rel": "a fraction",
    "waves": "waves", "bits": "bits", "k": "kelvins", "mk": "millikelvins",
    "ohm": "ohms", "kohm": "kilohms", "per": "per", "sqrt": "root",
    "c": "coulombs", "j": "joules", "m2": "per square metre", "sr": "steradian",
}  # fmt: skip

_SYMBOLS = {
    "hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz", "db": "dB", "dbm": "dBm",
    "w": "W", "mw": "mW", "uw": "uW", "nw": "nW", "pw": "pW", "v": "V", "mv": "mV",
    "uv": "uV", "a": "A", "ma": "mA", "ua": "uA", "na": "nA", "k": "K", "mk": "mK",
    "ohm": "Ohm", "kohm": "kOhm", "c": "C", "j": "J", "percent": "%",
    "rel": "1",
}  # fmt: skip
"""Those of units that are written otherwise than in names of fields."""

_QUANTITY = re.compile(
    r"\s*([-+]?[\d_]*\.?\d[\d_]*(?:[eE][-+]?\d+)?)\s*([a-zA-Zµμ%].*?)\s*"
)


def split_unit(name: str) -> tuple[str, str]:
    """Split ``duration_s`` into ``("duration", "s")``; the unit may be empty.

    A limit names it before ``_max``, what is written when an instrument is opened
    before ``_on_open``; those stay with the stem.
    """
    inner = name.removesuffix("_max").removesuffix("_on_open")
    tokens = inner.split("_")
    for i in range(1, len(tokens)):
        if all(token in _WORDS for token in tokens[i:]):
            stem = "_".join(tokens[:i]) + name[len(inner) :]
            return stem, "_".join(tokens[i:])
    return name, ""


def unit_words(unit: str) -> str:
    """Spell a unit, ``picoseconds``; one of several in symbols, ``ps/(nm km)``."""
    tokens = [token for token in unit.split("_") if token]
    if len(tokens) < 2:
        return "".join(_WORDS[token] for token in tokens)
    above, _, below = unit.partition("per_")
    if not below:  # after the first, units of an area, an angle, a width
        above, _, below = unit.partition("_")
    under = _symbols(below)
    if len(under) > 1:
        under = [f"({' '.join(under)})"]
    return f"{' '.join(_symbols(above)) or '1'}/{under[0]}"


def _symbols(unit: str) -> list[str]:
    """Return the symbols of ``nm_km`` or ``sqrt_s``, one by one."""
    tokens = [token for token in unit.split("_") if token]
    found = []
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        symbol = _SYMBOLS.get(token, token)
        if symbol != "sqrt":
            found.append(f"sqrt({symbol})" if before == "sqrt" else symbol)
    return found


def unit_hint(unknown: str, candidates: Iterable[str]) -> str | None:
    """Return the field that means the same quantity in its proper unit, or None."""
    stem, unit = split_unit(unknown)
    for name in candidates:
        known_stem, known_unit = split_unit(name)
        if known_stem == stem and known_unit and known_unit != unit:
            return name
    return None


def number_hint(text: str, field: str) -> str | None:
    """Explain how to write a text such as ``10 s`` as the number that `field` wants.

    Returns None when the text is not a number with a unit.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, given = match[1], match[2].replace("µ", "u").replace("μ", "u").casefold()
    unit = split_unit(field)[1]
    if not unit:
        return f"'{text}' carries a unit; this field is a plain number"
    reason = f"'{text}' is not a number; '{field}' is in {unit_words(unit)}"
    if given == unit:
        return f"{reason}: write {number}"
    dimension = _DIMENSION.get(unit)
    if dimension is not None and dimension == _DIMENSION.get(given):
        scales = _SCALES[dimension]
        value = float(number.replace("_", "")) * scales[given] / scales[unit]
        return f"{reason}: write {value:.12g}"
    return f"{reason}: write the plain number"
