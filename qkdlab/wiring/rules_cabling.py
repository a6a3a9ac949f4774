"""Rules of cabling: ports, owners, instruments behind parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from qkdlab.plugins import did_you_mean
from qkdlab.problems import KeyPath, Problem
from qkdlab.wiring.graph import CHANNEL
from qkdlab.wiring.parts import Awg, Cable, Snspd
from qkdlab.wiring.ports import PORTS, split_port
from qkdlab.wiring.view import BenchView

__all__ = ["buses", "cables", "instruments", "open_ports", "owners"]

_ROLE_OF_KIND = {
    "awg": "PatternGenerator",
    "clock": "ClockSource",
    "delay_generator": "DelayGenerator",
    "laser": "LaserDriver",
    "voltage_source": "VoltageSource",
    "variable_attenuator": "Attenuator",
    "power_meter": "PowerMeter",
    "waveplate": "Rotator",
    "snspd": "BiasSource",
    "tagger": "TimeTagger",
}
_SYNC_PORTS = {"start", "ref_in", "timebase", "trigger"}
"""Inputs at which a line from one party to another may end: declared sync lines."""


def cables(view: BenchView) -> Iterator[Problem]:
    """Check that cables join outputs to inputs of their kind, each once."""
    used: Counter[str] = Counter()
    for i, cable in enumerate(view.wiring.cables):
        ends = {"from": (cable.source, True), "to": (cable.target, False)}
        for key, (end, wants_out) in ends.items():
            message = _end_fault(view, cable, end, wants_out)
            if message:
                yield view.cable(i, key, message)
                continue
            used[end] += 1
            name, port = split_port(end)
            if used[end] == 2 and not PORTS[view.wiring.parts[name].kind][port].many:
                yield view.cable(
                    i, key, f"'{end}' is wired twice; a port takes one cable"
                )


def _end_fault(view: BenchView, cable: Cable, end: str, wants_out: bool) -> str:
    name, port_name = split_port(end)
    part = view.wiring.parts.get(name)
    if part is None:
        return f"there is no part '{name}'{did_you_mean(name, view.wiring.parts)}"
    ports = PORTS[part.kind]
    port = ports.get(port_name)
    if port is None:
        hint = did_you_mean(port_name, ports)
        known = ", ".join(ports)
        return f"kind {part.kind} has no port '{port_name}'{hint}; it has: {known}"
    if port.is_out != wants_out:
        way = "an output" if port.is_out else "an input"
        return f"'{end}' is {way}; a cable runs from an output to an input"
    if cable.kind not in port.media:
        return f"'{end}' takes {' or '.join(port.media)}; this cable is {cable.kind}"
    return ""


def open_ports(view: BenchView) -> Iterator[Problem]:
    """Check that no port that its part needs is left open.

    Where no generator plays frames, nothing marks them at a tagger's START.
    """
    has_frames = bool(view.graph.parts_of(Awg))
    for name, part in view.wiring.parts.items():
        for port_name, port in PORTS[part.kind].items():
            if port.is_out:
                is_wired = bool(view.graph.leaving(name, port_name))
            else:
                is_wired = view.graph.entering(name, port_name) is not None
            if is_wired or port.open == "fine":
                continue
            if (part.kind, port_name) == ("tagger", "start") and not has_frames:
                continue
            message = f"port '{port_name}' is not connected; add a cable"
            if port.open == "warning":
                message += " or ignore this if it is terminated"
            yield view.part(name, "", message, port.open)


def owners(view: BenchView) -> Iterator[Problem]:
    """Check that only channel and declared sync lines lie between parties."""
    known = [*view.config.parties, CHANNEL]
    for name, part in view.wiring.parts.items():
        if part.owner not in known:
            hint = did_you_mean(part.owner, known)
            message = (
                f"there is no owner '{part.owner}'{hint}; known: {', '.join(known)}"
            )
            yield view.part(name, "owner", message)
    for link in view.graph.links:
        source = view.wiring.parts[link.source[0]].owner
        target = view.wiring.parts[link.target[0]].owner
        if source == target or CHANNEL in (source, target):
            continue
        is_sync = link.cable.kind in ("trigger", "reference")
        if is_sync and link.target[1] in _SYNC_PORTS:
            continue
        yield view.cable(
            link.index,
            "to",
            f"joins {source} to {target} directly; lead it through a part owned by "
            f"'{CHANNEL}', or make it a sync line (trigger or reference) into "
            f"{', '.join(sorted(_SYNC_PORTS))}",
        )


def instruments(view: BenchView) -> Iterator[Problem]:
    """Check that each part's instrument exists, is its owner's, and fits."""
    users: dict[tuple[str, int | None], str] = {}
    for name, part in view.wiring.parts.items():
        wanted = getattr(part, "instrument", None)
        if wanted is None:
            continue
        fault = _instrument_fault(view, wanted, part.owner, part.kind)
        if fault:
            yield view.part(name, "instrument", fault)
            continue
        channel = part.channel if isinstance(part, Snspd) else None
        n_detectors = view.option(wanted, "n_detectors")
        if channel is not None and n_detectors is not None and channel >= n_detectors:
            yield view.part(
                name, "channel", f"{wanted} has the channels 0 to {n_detectors - 1}"
            )
        other = users.setdefault((wanted, channel), name)
        if other != name:
            what = wanted if channel is None else f"channel {channel} of {wanted}"
            message = f"'{other}' is {what} already; each part has its own"
            yield view.part(
                name, "channel" if channel is not None else "instrument", message
            )


def _instrument_fault(view: BenchView, wanted: str, owner: str, kind: str) -> str:
    party, _, key = wanted.partition(".")
    station = view.config.parties.get(party)
    if station is None or key not in station.instruments:
        known = [
            f"{p}.{i}" for p, s in view.config.parties.items() for i in s.instruments
        ]
        return f"there is no instrument '{wanted}'{did_you_mean(wanted, known)}"
    if party != owner:
        return f"'{wanted}' is {party}'s, but the part is {owner}'s; each has its own"
    role = _ROLE_OF_KIND[kind]
    offered = {name.replace("_", "").casefold() for name in view.roles(wanted)}
    if role.casefold() not in offered:
        driver = station.instruments[key].driver
        return f"{driver} is no {role}, which a part of kind '{kind}' needs"
    return ""


def buses(view: BenchView) -> Iterator[Problem]:
    """Check that instruments on one bus have addresses of their own."""
    for party, station in view.config.parties.items():
        taken: dict[tuple[str, int], str] = {}
        for name, instrument in station.instruments.items():
            address = view.option(f"{party}.{name}", "address")
            if instrument.bus is None or address is None:
                continue
            other = taken.setdefault((instrument.bus, address), name)
            if other != name:
                path: KeyPath = ("parties", party, "instruments", name)
                place = view.config.where((*path, "options", "address"))
                message = (
                    f"'{other}' has address {address} on bus '{instrument.bus}' too"
                )
                yield Problem(place, (*path, "options", "address"), message)
