"""Lines of four-letter commands in, answers out, in time."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from qkdlab_sims.instruments.machine import ByteOutbox
from qkdlab_sims.instruments.srs.errors import (
    EXECUTION_FAULTS,
    ErrorBook,
    Fault,
    SrsError,
)
from qkdlab_sims.instruments.srs.parameters import Call

__all__ = ["SrsMachine"]

Do = Callable[[Call], None]
Ask = Callable[[Call], str]

_COMMAND = re.compile(
    r"(\*[A-Z]{3}|[A-Z]{4})(\s*\?)?\s*(.*)", re.DOTALL | re.IGNORECASE
)
_LINE_END = re.compile(rb"[\r\n]")
_OPC_BIT, _EXECUTION_BIT, _COMMAND_BIT, _POWER_ON_BIT = 0, 4, 5, 7
_MESSAGE_BIT, _EVENT_SUMMARY_BIT, _REQUEST_BIT = 4, 5, 6


@dataclass
class _Session:
    """What one client has half said and not heard yet."""

    line: bytearray = field(default_factory=bytearray)
    too_long: bool = False
    outbox: ByteOutbox = field(default_factory=ByteOutbox)


class SrsMachine:
    """Parser, status registers and answers; a simulator adds its commands.

    Lines end with CR, LF or both; empty ones are passed over. Commands of one line are
    parted by ``;``, and so are their answers, which come as one line [seen, a client of
    the DC205] or a line each. Blanks before the first parameter may be left out [seen,
    pymeasure]. A command that fails does not stop those after it [guess].

    identity:    the answer to ``*IDN?``
    errors:      where faults go
    limit_bytes: of one line; a longer one is lost
    latency_ps:  from the end of a line to its answer
    joins_answers: whether the answers to one line come as one line

    `terminator` ends each answer; `before` is called with the time of each command;
    `summary` gives the instrument's own bits of ``*STB?``; `on_reset` and `on_clear`
    follow ``*RST`` and ``*CLS``.
    """

    def __init__(
        self,
        identity: str,
        errors: ErrorBook,
        *,
        limit_bytes: int,
        latency_ps: int = 0,
        joins_answers: bool = True,
    ) -> None:
        self.identity = identity
        self.errors = errors
        self.terminator = "\r\n"
        self.on_reset: Callable[[Call], None] | None = None
        self.on_clear: Callable[[], None] | None = None
        self.before: Callable[[int], None] | None = None
        self.summary: Callable[[], int] = lambda: 0
        self._joins_answers = joins_answers
        self._limit = limit_bytes
        self._latency_ps = latency_ps
        self._commands: dict[str, tuple[Do | None, Ask | None]] = {}
        self._sessions: dict[Hashable, _Session] = {}
        self._session = _Session()
        self._event = 1 << _POWER_ON_BIT
        self._event_enable = 0
        self._request_enable = 0
        self._add_common_commands()

    def add(self, name: str, *, do: Do | None = None, ask: Ask | None = None) -> None:
        """Add a command, a query, or both under one name."""
        self._commands[name] = (do, ask)

    def enter(self, session: Hashable) -> None:
        """Listen to one of several clients, whose lines and answers stay its own.

        `feed`, `take` and `next_wake_ps` are about the session entered last; a machine
        with a single line enters none.
        """
        self._session = self._sessions.setdefault(session, _Session())

    def leave(self, session: Hashable) -> None:
        """Forget what a client half said and did not hear."""
        self._sessions.pop(session, None)
        self._session = _Session()

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes as they come off the line, split or coalesced in any way."""
        at = 0
        for end in _LINE_END.finditer(data):
            self._keep(data[at : end.start()])
            at = end.end()
            session = self._session
            if session.too_long:
                self._note(Fault.OVERFLOW)
            elif session.line.strip():
                self._execute(session.line.decode("latin-1"), now_ps)
            session.line.clear()
            session.too_long = False
        self._keep(data[at:])

    def take(self, now_ps: int) -> bytes:
        """Give the answers that may be heard by `now_ps`."""
        return self._session.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when the next answer is due."""
        return self._session.outbox.next_wake_ps()

    def _keep(self, part: bytes) -> None:
        session = self._session
        if len(session.line) + len(part) > self._limit:
            session.too_long = True
            session.line.clear()
        if not session.too_long:
            session.line += part

    def _execute(self, line: str, now_ps: int) -> None:
        answers: list[str] = []
        for command in line.split(";"):
            if not command.strip():
                continue
            try:
                answer = self._run(command.strip(), now_ps)
            except SrsError as error:
                self._note(error.fault)
            else:
                if answer is not None and self._joins_answers:
                    answers.append(answer)
                elif answer is not None:
                    self._put(answer, now_ps)
        if answers:
            self._put(";".join(answers), now_ps)

    def _put(self, answer: str, now_ps: int) -> None:
        due_ps = now_ps + self._latency_ps
        self._session.outbox.put((answer + self.terminator).encode("ascii"), due_ps)

    def _run(self, command: str, now_ps: int) -> str | None:
        if self.before is not None:
            self.before(now_ps)
        if not command.isascii():
            raise SrsError(Fault.SYNTAX)
        found = _COMMAND.fullmatch(command)
        if found is None:
            raise SrsError(Fault.ILLEGAL_COMMAND)
        name, query, rest = found.groups()
        if name.upper() not in self._commands:
            raise SrsError(Fault.UNDEFINED_COMMAND)
        do, ask = self._commands[name.upper()]
        parameters = tuple(part.strip() for part in rest.split(",")) if rest else ()
        if "" in parameters:
            raise SrsError(Fault.NULL_PARAMETER)
        call = Call(parameters, now_ps)
        if query:
            if ask is None:
                raise SrsError(Fault.ILLEGAL_QUERY)
            return ask(call)
        if do is None:
            raise SrsError(Fault.ILLEGAL_SET)
        do(call)
        return None

    def _note(self, fault: Fault) -> None:
        self.errors.note(fault)
        execution = fault in EXECUTION_FAULTS
        self._event |= 1 << (_EXECUTION_BIT if execution else _COMMAND_BIT)

    def _add_common_commands(self) -> None:
        self.add("*IDN", ask=lambda call: self.identity)
        self.add("*TST", ask=lambda call: "0")
        self.add("*OPC", do=self._operation_complete, ask=lambda call: "1")
        self.add("*WAI", do=lambda call: call.expect(0))
        self.add("*CLS", do=self._clear)
        self.add("*RST", do=self._reset)
        self.add("*ESR", ask=self._pop_event)
        self.add("*STB", ask=lambda call: _bit_of(call, self._status_byte()))
        self.add("*ESE", do=self._set_event_enable, ask=self._get_event_enable)
        self.add("*SRE", do=self._set_request_enable, ask=self._get_request_enable)

    def _operation_complete(self, call: Call) -> None:
        call.expect(0)
        self._event |= 1 << _OPC_BIT

    def _clear(self, call: Call) -> None:
        call.expect(0)
        self._event = 0
        self.errors.clear()
        if self.on_clear is not None:
            self.on_clear()

    def _reset(self, call: Call) -> None:
        call.expect(0)
        if self.on_reset is not None:
            self.on_reset(call)

    def _pop_event(self, call: Call) -> str:
        answer = _bit_of(call, self._event)
        # Asking for one bit clears that bit alone [mem].
        cleared = 1 << int(call.parameters[0]) if call.parameters else 0xFF
        self._event &= ~cleared
        return answer

    def _status_byte(self) -> int:
        status = self.summary()
        if self.next_wake_ps() is not None:
            status |= 1 << _MESSAGE_BIT
        if self._event & self._event_enable:
            status |= 1 << _EVENT_SUMMARY_BIT
        if status & self._request_enable:
            status |= 1 << _REQUEST_BIT
        return status

    def _set_event_enable(self, call: Call) -> None:
        self._event_enable = _with_bits(call, self._event_enable)

    def _get_event_enable(self, call: Call) -> str:
        return _bit_of(call, self._event_enable)

    def _set_request_enable(self, call: Call) -> None:
        self._request_enable = _with_bits(call, self._request_enable)

    def _get_request_enable(self, call: Call) -> str:
        return _bit_of(call, self._request_enable)


def _bit_of(call: Call, register: int) -> str:
    """Return a register, or one of its bits where the query names one."""
    call.expect(0, 1)
    if not call.parameters:
        return str(register)
    return str(register >> call.integer(0, 7) & 1)


def _with_bits(call: Call, register: int) -> int:
    """Return a register as set: all of it, or the bit and value that are given."""
    call.expect(1, 2)
    if len(call.parameters) == 1:
        return call.integer(0, 255)
    bit = call.integer(0, 7)
    value = call.integer(0, 1, at=1)
    return register & ~(1 << bit) | value << bit
