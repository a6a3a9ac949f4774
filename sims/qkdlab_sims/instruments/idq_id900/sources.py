"""Which connector a block takes its signal from, and how much later."""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab_sims.instruments.idq_id900.settings import Settings

__all__ = ["Source", "resolve"]

_LONGEST_CHAIN = 16


@dataclass(frozen=True, slots=True)
class Source:
    """A connector (0: START, 1 to 4: INPUT) and the sum of all delays on the way."""

    port: int
    delay_ps: int


def resolve(link: str, settings: Settings) -> Source | None:
    """Follow the links from a block's name; None where no signal comes from.

    Combiners pass their first input (ONLYFIR) or nothing (MUTE); their windows are
    kept as settings but not modelled. A ring of links carries nothing.
    """
    delay_ps = 0
    for _ in range(_LONGEST_CHAIN):
        keyword = link.rstrip("0123456789")
        number = int(link[len(keyword) :] or 0)
        if keyword == "INPU":
            delay_ps += int(settings.get("INPUt{4}:DELAy", number))
            return Source(number, delay_ps)
        if keyword == "STAR":
            return Source(0, delay_ps + int(settings.get("STARt:DELAy")))
        if keyword == "DELA":
            delay_ps += int(settings.get("DELAy{8}:VALUe", number))
            link = str(settings.get("DELAy{8}:INPOrt:LINK", number))
        elif keyword == "TSCO":
            if settings.get("TSCOmbiner{16}:OPOUt", number) == "MUTE":
                return None
            link = str(settings.get("TSCOmbiner{16}:INPOrt:FIRst:LINK", number))
        else:
            return None
    return None
