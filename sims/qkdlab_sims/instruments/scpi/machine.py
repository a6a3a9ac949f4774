"""A `ByteMachine` that speaks SCPI: messages in, responses out, in time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from qkdlab_sims.instruments.scpi.arguments import limit_value, number
from qkdlab_sims.instruments.scpi.framing import MessageFramer
from qkdlab_sims.instruments.scpi.header import CommandTable
from qkdlab_sims.instruments.scpi.status import ErrorQueue, ScpiError, Status
from qkdlab_sims.instruments.scpi.syntax import Argument, Unit, units_of

__all__ = ["Call", "Later", "ScpiMachine"]


@dataclass
class Call:
    """One command or query, as its handler sees it.

    suffixes: one number for each ``#`` of the pattern
    now_ps:   when it is executed, after the commands before it
    """

    machine: ScpiMachine
    suffixes: tuple[int, ...]
    arguments: tuple[Argument, ...]
    now_ps: int

    def expect(self, at_least: int, at_most: int | None = None) -> None:
        """Check the number of arguments; raises ScpiError -109 or -108."""
        if len(self.arguments) < at_least:
            raise ScpiError(-109)
        if len(self.arguments) > (at_least if at_most is None else at_most):
            raise ScpiError(-108)

    def only(self) -> Argument:
        """Return the one argument."""
        self.expect(1)
        return self.arguments[0]

    def channel(self, n_channels: int) -> int:
        """Return the first suffix; raises ScpiError -114 when there is no such."""
        if not 1 <= self.suffixes[0] <= n_channels:
            raise ScpiError(-114)
        return self.suffixes[0]

    def or_limit(
        self,
        value: float,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        default: float | None = None,
    ) -> float:
        """Return `value`, or the limit that a query asks for with MIN, MAX or DEF."""
        self.expect(0, 1)
        if not self.arguments:
            return value
        limit = limit_value(
            self.arguments[0], minimum=minimum, maximum=maximum, default=default
        )
        if limit is None:
            raise ScpiError(-224)
        return limit

    def takes(self, duration_ps: int) -> None:
        """Make the commands that follow, and the response, wait."""
        self.machine.ready_ps = max(self.machine.ready_ps, self.now_ps + duration_ps)


@dataclass(frozen=True, slots=True)
class Later:
    """A response that is known only at `due_ps`, such as a measured value."""

    due_ps: int
    value: Callable[[], str]


Handler = Callable[[Call], "str | Later | None"]


@dataclass
class _Response:
    due_ps: int
    parts: list[str | Later]


@dataclass
class _Session:
    """What a client half said, and what it has not heard yet."""

    framer: MessageFramer
    responses: deque[_Response] = field(default_factory=deque)


class ScpiMachine:
    """Parser, status system and response queue; a simulator adds its commands.

    identity:       the response to ``*IDN?``
    queue_depth:    places in the error queue
    error_format:   how ``SYST:ERR?`` writes code and text
    discard_unread: a message that comes while a response is unread drops that response
                    and notes error -410, as on GPIB and USBTMC (IEEE 488.2 section
                    6.3.1.7); False where responses queue up, as on a raw socket
    latency_ps:     from the end of execution to the response

    `ready_ps` is when all commands so far have been executed; `pending_ps` is when
    operations that overlap, such as a motor's move, have ended (``*OPC?`` and ``*WAI``
    wait for it).
    """

    def __init__(
        self,
        identity: str,
        *,
        queue_depth: int,
        limit_bytes: int,
        error_format: str = '{code:+d},"{text}"',
        discard_unread: bool = False,
        errors_in_status_byte: bool = False,
        latency_ps: int = 0,
    ) -> None:
        self.identity = identity
        self.commands: CommandTable[Handler] = CommandTable()
        self.status = Status(ErrorQueue(queue_depth), errors_in_status_byte)
        self.on_reset: Callable[[Call], None] | None = None
        self.ready_ps = 0
        self.pending_ps = 0
        self._error_format = error_format
        self._discard_unread = discard_unread
        self._latency_ps = latency_ps
        self._limit_bytes = limit_bytes
        self._sessions: dict[Hashable, _Session] = {}
        self.enter(None)
        self._actions: list[tuple[int, Callable[[], None]]] = []
        self._add_common_commands()

    def enter(self, session: Hashable) -> None:
        """Listen to one of several clients, whose messages and answers stay its own.

        `feed`, `take` and `next_wake_ps` are about the session entered last; a machine
        with a single line stays in the session None.
        """
        if session not in self._sessions:
            self._sessions[session] = _Session(MessageFramer(self._limit_bytes))
        self._framer = self._sessions[session].framer
        self._responses = self._sessions[session].responses

    def leave(self, session: Hashable) -> None:
        """Forget what a client half said and did not hear."""
        self._sessions.pop(session, None)
        self.enter(None)

    def hang_up(self, now_ps: int) -> None:
        """Notice that the client of the single line left."""
        del now_ps
        self.leave(None)

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes as they come off the line, split or coalesced in any way."""
        self.act(now_ps)
        for message in self._framer.feed(data):
            if self._discard_unread and self._responses:
                self._responses.clear()
                self.status.note(ScpiError(-410))
            if message is None:
                self.status.note(ScpiError(-363))
            elif message.strip():
                self._execute(message, now_ps)

    def take(self, now_ps: int) -> bytes:
        """Give the responses that may be heard by `now_ps`."""
        self.act(now_ps)
        out: list[str] = []
        while self._responses and self._responses[0].due_ps <= now_ps:
            response = self._responses.popleft()
            out.append(";".join(map(_evaluate, response.parts)) + "\n")
        return "".join(out).encode("latin-1")

    def next_wake_ps(self) -> int | None:
        """Return when the next response or action is due."""
        times = [due_ps for due_ps, _ in self._actions]
        if self._responses:
            times.append(self._responses[0].due_ps)
        return min(times, default=None)

    def schedule(self, due_ps: int, action: Callable[[], None]) -> None:
        """Do `action` when the machine is next looked at from `due_ps` on."""
        self._actions.append((due_ps, action))

    def act(self, now_ps: int) -> None:
        """Do what is due by `now_ps`, as feeding and taking do before all else."""
        due = sorted(
            (a for a in self._actions if a[0] <= now_ps), key=lambda entry: entry[0]
        )
        self._actions = [a for a in self._actions if a[0] > now_ps]
        for _, action in due:
            action()

    def _execute(self, message: bytes, now_ps: int) -> None:
        self.ready_ps = max(self.ready_ps, now_ps)
        parts: list[str | Later] = []
        path: tuple[str, ...] = ()
        try:
            for unit in units_of(message):
                path, part = self._execute_unit(unit, path)
                if part is not None:
                    parts.append(part)
        except ScpiError as error:
            self.status.note(error)
        if not parts:
            return
        due_ps = self.ready_ps + self._latency_ps
        for part in parts:
            if isinstance(part, Later):
                due_ps = max(due_ps, part.due_ps)
        if self._responses:
            due_ps = max(due_ps, self._responses[-1].due_ps)
        self._responses.append(_Response(due_ps, parts))

    def _execute_unit(
        self, unit: Unit, path: tuple[str, ...]
    ) -> tuple[tuple[str, ...], str | Later | None]:
        """Run one unit; return the path for the next one and the response."""
        if unit.header[0].startswith("*"):
            typed = unit.header
        else:
            typed = unit.header if unit.absolute else path + unit.header
            path = typed[:-1]
        part: str | Later | None = None
        try:
            handler, suffixes = self.commands.find(typed, unit.query)
            part = handler(Call(self, suffixes, unit.arguments, self.ready_ps))
        except ScpiError as error:
            if error.ends_message:
                raise
            self.status.note(error)
        return path, part

    def _add_common_commands(self) -> None:
        add = self.commands.add
        status = self.status
        add("*IDN", ask=lambda call: self.identity)
        add("*CLS", do=lambda call: status.clear())
        add("*RST", do=self._reset)
        add("*TST", ask=lambda call: "0")
        add("*WAI", do=self._wait)
        add("*OPC", do=self._arm_opc, ask=self._opc)
        add("*ESR", ask=self._event)
        add("*ESE", do=self._set_event_enable, ask=lambda c: f"{status.event_enable}")
        add(
            "*SRE",
            do=self._set_request_enable,
            ask=lambda call: f"{status.request_enable}",
        )
        add("*STB", ask=self._status_byte)
        add("SYSTem:ERRor[:NEXT]", ask=self._next_error)

    def _reset(self, call: Call) -> None:
        status = self.status
        status.opc_due_ps = None
        if self.on_reset is not None:
            self.on_reset(call)

    def _wait(self, call: Call) -> None:
        call.takes(max(0, self.pending_ps - call.now_ps))

    def _arm_opc(self, call: Call) -> None:
        self.status.opc_due_ps = max(call.now_ps, self.pending_ps)

    def _opc(self, call: Call) -> str:
        self._wait(call)
        return "1"

    def _event(self, call: Call) -> str:
        self.status.settle(call.now_ps)
        return str(self.status.take_event())

    def _set_event_enable(self, call: Call) -> None:
        self.status.event_enable = _register(call)

    def _set_request_enable(self, call: Call) -> None:
        self.status.request_enable = _register(call)

    def _status_byte(self, call: Call) -> str:
        self.status.settle(call.now_ps)
        return str(self.status.status_byte(message_available=bool(self._responses)))

    def _next_error(self, call: Call) -> str:
        error = self.status.queue.pop()
        return self._error_format.format(code=error.code, text=error.text)


def _register(call: Call) -> int:
    value = round(number(call.only()))
    if not 0 <= value <= 255:
        raise ScpiError(-222)
    return value


def _evaluate(part: str | Later) -> str:
    return part if isinstance(part, str) else part.value()
