"""Replies to ``STATE?``: the settings of a block in one line.

One client cuts these lines at fixed places; the prefixes here put every value where
it looks [code]. Their exact wording is [guess].
"""

from __future__ import annotations

from qkdlab_sims.instruments.idq_id900.settings import Settings

__all__ = ["block_state"]


def block_state(pattern: str, number: int, settings: Settings, integration: int) -> str:
    """Return the line for the block of ``pattern`` (such as ``INPUt{4}:STATe``).

    `integration` is the counter's integration time as the unit prints it.
    """
    block = pattern.rpartition(":")[0]

    def show(name: str) -> str:
        return settings.show(f"{block}:{name}", number)

    if block == "DEVIce":
        return f"DEVICE:SYNC {show('SYNC')};RES {show('RESolution')}"
    if block == "DELAy{8}":
        link = show("INPOrt:LINK")
        return f"DELA{number}:VALUE {show('VALUe')};INPO:LINK {link}"
    if block == "HISTogram{4}":
        path = f"HIST{number}:INPORT"
        return (
            f"{path}:STOP:LINK {show('[INPOrt]:STOP:LINK')}"
            f";:{path}:REF:LINK {show('[INPOrt]:REF:LINK')}"
            f";:{path}:ENAB:LINK {show('[INPOrt]:ENABle:LINK')}"
            f";:HIST{number}:MIN {show('MINimum')}"
            f";BWID {show('BWIDth')};BCOUNT {show('BCOUnt')}"
        )
    name = f"INPU{number}" if number else "STAR"
    ninth = f"RESY {show('RESYncpolicy')}" if number else f"DELA {show('DELAy')}"
    return (
        f"{name}:ENAB {show('ENABle')};COUP {show('COUPling')};EDGE {show('EDGE')}"
        f";THRE {show('THREshold')};SELE {show('SELEct')};{ninth}"
        f";:{name}:COUNTER:INTEGRATIONTIME {integration}"
        f";MODE {show('COUNter:MODE')}"
    )
