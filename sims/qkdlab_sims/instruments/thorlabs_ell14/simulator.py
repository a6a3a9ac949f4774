"""A bus of Thorlabs Elliptec ELL14 rotation mounts: 9600 baud, half duplex, shared.

Commands, replies and status codes: Thorlabs ELLx protocol as used by four independent
clients [ran]; marks of single facts stand beside them. Absent addresses stay silent.
A motor that moves blocks the whole bus until it has said ``PO``: what arrives
meanwhile waits (``busy="hold"``), or is answered by status 9 (``busy="reply"``); with
``busy="interim"`` it waits and the move itself is announced by status 9.

Not modelled: the current curve ``c1``/``c2`` and commands of other models; they are
answered by status 3.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.instruments.thorlabs_ell14.motor import PULSES_PER_TURN, Motor
from qkdlab_sims.instruments.thorlabs_ell14.packets import Packet, PacketParser

__all__ = ["Simulator"]

_OK, _TIMEOUT, _STALL, _UNKNOWN, _VALUE, _ISOLATED, _BUSY, _RANGE = (
    *(0, 1, 2, 3, 4, 5, 9),
    0x0C,
)
_MS = 1_000_000_000
_SEARCH_PS = 1500 * _MS
"""How long a search for the resonance takes [guess]."""
_CLEAN_PS = 60_000 * _MS
"""How long optimising or cleaning takes ("minutes") [guess]."""
_STALL_PS = 2_000 * _MS
"""When a motor that cannot turn gives up [guess]."""


class Simulator:
    """The bus with its motors.

    addresses:     hex digits that answer
    serial:        the first six characters of the serial numbers
    start_deg:     angle at power-up, one for all or by address
    unhomed_deg:   where the encoder's zero lies until it is homed, one for all or by
                   address [guess]
    accuracy_deg:  standard deviation of the true angle about the reported one
    busy:          see the module
    stall_percent: below this velocity a motor stalls (25 to 45 quoted [seen])
    rushed_moves_go_to_zero: a move begun less than 0.1 s after the last one runs to
                   zero; one client works around this [seen]
    """

    def __init__(
        self,
        *,
        serial: str = "114000",
        rng: np.random.Generator | None = None,
        addresses: Sequence[int] = (0,),
        start_deg: float | Mapping[int, float] = 0.0,
        unhomed_deg: float | Mapping[int, float] = 0.0,
        accuracy_deg: float = 0.1,
        max_speed_deg_s: float = 430.0,
        busy: Literal["hold", "reply", "interim"] = "hold",
        stall_percent: int = 25,
        response_ps: int = _MS,
        rushed_moves_go_to_zero: bool = False,
    ) -> None:
        rng = rng if rng is not None else np.random.default_rng(0)
        self.motors = {
            address: Motor(
                address=address,
                serial=f"{serial[:6]:0<6}{address:02X}",
                rng=stream,
                accuracy_deg=accuracy_deg,
                max_speed_deg_s=max_speed_deg_s,
                reported_deg=_by_address(start_deg, address),
                zero_deg=_by_address(unhomed_deg, address),
            )
            for address, stream in zip(
                addresses, rng.spawn(len(addresses)), strict=True
            )
        }
        self.on_change: Callable[[int], None] | None = None
        self.endpoints: dict[str, ByteMachine] = {"control": self}
        self._busy = busy
        self._stall_percent = stall_percent
        self._response_ps = response_ps
        self._rushed_to_zero = rushed_moves_go_to_zero
        self._parser = PacketParser()
        self._replies: list[tuple[int, int, bytes]] = []
        self._n_replies = 0
        self._free_ps = 0

    def angle_deg(self, address: int, now_ps: int) -> float:
        """Return the true angle of a motor in its own frame, in [0, 360)."""
        return self.motors[address].angle_deg(now_ps)

    def moving(self, now_ps: int) -> bool:
        """Return whether any motor turns."""
        return any(m.is_moving(now_ps) for m in self.motors.values())

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes from the line."""
        self._notice_timeout(now_ps)
        for packet in self._parser.feed(data, now_ps):
            self._hear(packet, now_ps)

    def take(self, now_ps: int) -> bytes:
        """Give all bytes that may be heard by `now_ps`."""
        self._notice_timeout(now_ps)
        out = bytearray()
        while self._replies and self._replies[0][0] <= now_ps:
            out += self._replies.pop(0)[2]
        return bytes(out)

    def next_wake_ps(self) -> int | None:
        """Return when `take` may have something new, or None."""
        times = [t for t in (self._parser.gives_up_at_ps(),) if t is not None]
        if self._replies:
            times.append(self._replies[0][0])
        return min(times, default=None)

    def _notice_timeout(self, now_ps: int) -> None:
        due_ps = self._parser.gives_up_at_ps()
        packet = self._parser.give_up(now_ps)
        if packet is not None and due_ps is not None:
            self._hear(packet, due_ps)

    def _hear(self, packet: Packet, now_ps: int) -> None:
        if self._busy == "reply" and now_ps < self._free_ps:
            if packet.address in self.motors:
                self._say(packet.address, f"GS{_BUSY:02X}", now_ps)
            return
        start_ps = max(now_ps, self._free_ps)
        for motor in list(self.motors.values()):
            own = motor.address == packet.address
            if not own and motor.group != packet.address:
                continue
            if start_ps < motor.isolated_until_ps:
                continue
            # Two motors answering at once would garble the line, so only the one
            # whose own address was called speaks [guess].
            self._obey(motor, packet, start_ps, speaks=own)

    def _obey(
        self, motor: Motor, packet: Packet, start_ps: int, *, speaks: bool
    ) -> None:
        address = motor.address
        if not packet.complete:
            text, due_ps = self._fail(motor, _TIMEOUT), start_ps
        elif not packet.known:
            text, due_ps = self._fail(motor, _UNKNOWN), start_ps
        else:
            try:
                text, due_ps = self._act(motor, packet, start_ps)
            except ValueError:
                text, due_ps = self._fail(motor, _UNKNOWN), start_ps
            if packet.command == "ca":
                address = motor.address
            elif packet.command == "ga" and motor.group is not None:
                address = motor.group
        if speaks:
            self._say(address, text, due_ps)

    def _act(self, motor: Motor, packet: Packet, t_ps: int) -> tuple[str, int]:
        """Do what was asked from `t_ps`; return the reply and when it is due."""
        data = packet.data
        match packet.command:
            case "in":
                return _identity(motor), t_ps
            case "gs":
                status, motor.status = motor.status, _OK
                return f"GS{status:02X}", t_ps
            case "us":
                return _status(_OK), t_ps
            case "ca":
                return self._change_address(motor, _number(data)), t_ps
            case "ga":
                motor.group = _number(data)
                return _status(_OK), t_ps
            case "is":
                motor.isolated_until_ps = t_ps + _number(data) * 60_000 * _MS
                return _status(_ISOLATED), t_ps
            case "i1" | "i2":
                return _drive(motor, int(packet.command[1])), t_ps
            case "f1" | "f2" | "b1" | "b2":
                resonance = motor.resonances[int(packet.command[1]) - 1]
                if packet.command[0] == "f":
                    resonance.forward_period = _number(data)
                else:
                    resonance.backward_period = _number(data)
                return _status(_OK), t_ps
            case "s1" | "s2":
                return _status(_OK), self._occupy(t_ps + _SEARCH_PS)
            case "om" | "cm":
                return _status(_OK), self._occupy(t_ps + _CLEAN_PS)
            case "go":
                return f"HO{_long(motor.home_offset)}", t_ps
            case "so":
                motor.home_offset = _signed(data)
                return _status(_OK), t_ps
            case "gj":
                return f"GJ{_long(motor.jog_step)}", t_ps
            case "sj":
                motor.jog_step = _signed(data)
                return _status(_OK), t_ps
            case "gv":
                return f"GV{motor.velocity_percent:02X}", t_ps
            case "sv":
                if not 1 <= _number(data) <= 100:
                    return self._fail(motor, _VALUE), t_ps
                motor.velocity_percent = _number(data)
                return _status(_OK), t_ps
            case "gp":
                return f"PO{_long(motor.position(t_ps))}", t_ps
            case "st":
                motor.stop(t_ps)
                self._tell_change(t_ps)
                return _status(_OK), t_ps
            case "ho":
                return self._turn(motor, None, t_ps)
            case "ma":
                if abs(_signed(data)) > PULSES_PER_TURN:
                    return self._fail(motor, _RANGE), t_ps
                return self._turn(motor, _signed(data), t_ps)
            case "mr":
                return self._turn(motor, motor.position(t_ps) + _signed(data), t_ps)
            case _:
                return self._jog(motor, 1 if packet.command == "fw" else -1, t_ps)

    def _turn(self, motor: Motor, pulses: int | None, t_ps: int) -> tuple[str, int]:
        """Begin a move, to the home position when `pulses` is None."""
        if motor.velocity_percent < self._stall_percent:
            return self._fail(motor, _STALL), self._occupy(t_ps + _STALL_PS)
        if self._busy == "interim":
            self._say(motor.address, f"GS{_BUSY:02X}", t_ps)
        if pulses is None:
            end_ps = motor.home(t_ps)
        else:
            if self._rushed_to_zero and t_ps - motor.arrived_ps < 100 * _MS:
                pulses = 0
            end_ps = motor.move_to(pulses, t_ps)
        self._tell_change(t_ps)
        return f"PO{_long(motor.position(t_ps))}", self._occupy(end_ps)

    def _jog(self, motor: Motor, direction: int, t_ps: int) -> tuple[str, int]:
        if motor.jog_step != 0:
            pulses = motor.position(t_ps) + direction * motor.jog_step
            return self._turn(motor, pulses, t_ps)
        motor.jog(direction, t_ps)
        self._tell_change(t_ps)
        return _status(_OK), t_ps

    def _change_address(self, motor: Motor, new: int) -> str:
        if new in self.motors and self.motors[new] is not motor:
            return self._fail(motor, _VALUE)
        del self.motors[motor.address]
        motor.address = new
        self.motors[new] = motor
        return _status(_OK)

    def _fail(self, motor: Motor, status: int) -> str:
        motor.status = status
        return f"GS{status:02X}"

    def _occupy(self, until_ps: int) -> int:
        self._free_ps = max(self._free_ps, until_ps)
        return until_ps

    def _say(self, address: int, text: str, due_ps: int) -> None:
        self._n_replies += 1
        line = f"{address:X}{text}\r\n".encode("ascii")
        insort(self._replies, (due_ps + self._response_ps, self._n_replies, line))

    def _tell_change(self, now_ps: int) -> None:
        if self.on_change is not None:
            self.on_change(now_ps)


def _by_address(values: float | Mapping[int, float], address: int) -> float:
    return values.get(address, 0.0) if isinstance(values, Mapping) else values


def _status(code: int) -> str:
    return f"GS{code:02X}"


def _long(value: int) -> str:
    return f"{value & 0xFFFFFFFF:08X}"


def _number(text: str) -> int:
    """Return hex `text` as a number; raises ValueError for anything else."""
    if not all(c in "0123456789ABCDEFabcdef" for c in text):
        raise ValueError("not a hexadecimal number")
    return int(text, 16)


def _signed(text: str) -> int:
    value = _number(text)
    return value - (1 << 32) if value >= 1 << 31 else value


def _identity(motor: Motor) -> str:
    """Type 0E, serial, year, firmware, hardware, travel in degrees, pulses a turn."""
    return f"IN0E{motor.serial}2022170101680{PULSES_PER_TURN:07X}"


def _drive(motor: Motor, which: int) -> str:
    resonance = motor.resonances[which - 1]
    return (
        f"I{which}1{int(resonance.is_on)}{resonance.current:04X}FFFFFFFF"
        f"{resonance.forward_period:04X}{resonance.backward_period:04X}"
    )
