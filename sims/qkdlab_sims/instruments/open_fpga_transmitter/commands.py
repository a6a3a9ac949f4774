"""The board's commands (docs/fpga-transmitter.md, by the same headings)."""

from __future__ import annotations

from collections.abc import Callable

from qkdlab_sims.instruments.open_fpga_transmitter.board import (
    FULL_SCALE_V,
    KEY_BYTES,
    MAX_CLASSES,
    N_LEVELS,
    NONCE_BYTES,
    TOTAL_SHARES,
    Board,
    checksum,
)
from qkdlab_sims.instruments.scpi import (
    HERTZ,
    Block,
    Call,
    ScpiError,
    ScpiMachine,
    boolean,
    choice,
    number,
)

__all__ = ["add_commands"]

_MODES = ("COUNter", "PATTern")
_TRIGGERS = ("IMMediate", "BUS", "EXTernal")
_ALGORITHM = "AES128CTR"
_MAX_DIVISOR = 1024


def add_commands(
    machine: ScpiMachine, board: Board, changed: Callable[[Call], None]
) -> None:
    """Add the settings; starting and stopping belong to the simulator.

    changed: called when what leaves an output may be different
    """
    add = machine.commands.add
    add("SYSTem:VERSion", ask=lambda call: "1.0")
    add("OUTPut:FSCale", ask=lambda call: f"{FULL_SCALE_V:.6f}")
    add("OUTPut:RESolution", ask=lambda call: "14")
    add("CLOCk:RATE", do=_rate(board), ask=lambda call: f"{board.rate_hz:.9e}")
    add("CLOCk:RATE:MAXimum", ask=lambda call: f"{board.max_rate_hz:.9e}")
    add("MODE", do=_word(board, "mode", _MODES), ask=lambda call: board.mode)
    add(
        "TRIGger:SOURce",
        do=_word(board, "trigger", _TRIGGERS),
        ask=lambda call: board.trigger,
    )
    add(
        "MARKer:PERiod",
        do=_marker(board),
        ask=lambda call: str(board.marker_pulses),
    )
    add(
        "GENerator:ALGorithm",
        do=lambda call: _algorithm(board, call),
        ask=lambda call: _ALGORITHM,
    )
    add("GENerator:KEY", do=_key(board))
    add("GENerator:NONCe", do=_block(board, "nonce", NONCE_BYTES, NONCE_BYTES))
    add("GENerator:KEY:ERASe", do=_erase(board))
    add(
        "GENerator:KEY:STATe",
        ask=lambda call: "NONE" if board.key is None else "LOAD",
    )
    add(
        "TABLe:SHARes",
        do=_shares(board),
        ask=lambda call: ",".join(map(str, board.shares or (0,))),
    )
    add("TABLe:LEVels", do=_block(board, "levels", 4 * N_LEVELS, 4 * N_LEVELS))
    add("TABLe:LEVels:CHECksum", ask=lambda call: str(checksum(board.levels)))
    add("PATTern:DATA", do=_block(board, "pattern", 128, 4 * board.max_points))
    add("PATTern:CHECksum", ask=lambda call: str(checksum(board.pattern)))
    add("PATTern:POINts", ask=lambda call: str(len(board.pattern or b"") // 4))
    add("PATTern:POINts:MAXimum", ask=lambda call: str(board.max_points))

    def switch(call: Call) -> None:
        board.output_on = boolean(call.only())
        changed(call)

    add("OUTPut[:STATe]", do=switch, ask=lambda call: str(int(board.output_on)))


def _rate(board: Board) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        board.require_idle()
        wanted_hz = number(call.only(), HERTZ)
        if not board.max_rate_hz / _MAX_DIVISOR <= wanted_hz <= board.max_rate_hz:
            raise ScpiError(-222)
        divisor = board.max_rate_hz / wanted_hz
        if abs(divisor - round(divisor)) > 1e-9 * divisor:
            raise ScpiError(-224)
        board.rate_hz = board.max_rate_hz / round(divisor)

    return do


def _word(
    board: Board, attribute: str, words: tuple[str, ...]
) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        board.require_idle()
        setattr(board, attribute, choice(call.only(), words))

    return do


def _marker(board: Board) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        board.require_idle()
        pulses = number(call.only())
        if not 1024 <= pulses <= 2**30:
            raise ScpiError(-222)
        if pulses != int(pulses) or int(pulses) & (int(pulses) - 1):
            raise ScpiError(-224)
        board.marker_pulses = int(pulses)

    return do


def _algorithm(board: Board, call: Call) -> None:
    board.require_idle()
    choice(call.only(), (_ALGORITHM,))


def _key(board: Board) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        board.require_idle()
        board.key = None
        board.key = _data(call, KEY_BYTES, KEY_BYTES)

    return do


def _shares(board: Board) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        board.require_idle()
        call.expect(1, MAX_CLASSES)
        counts = [number(argument) for argument in call.arguments]
        if any(n != int(n) or not 0 <= n <= TOTAL_SHARES for n in counts):
            raise ScpiError(-222)
        if sum(counts) != TOTAL_SHARES:
            raise ScpiError(-224)
        board.shares = tuple(int(n) for n in counts)

    return do


def _erase(board: Board) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        call.expect(0)
        board.require_idle()
        board.key = None

    return do


def _block(
    board: Board, attribute: str, least: int, most: int
) -> Callable[[Call], None]:
    def do(call: Call) -> None:
        board.require_idle()
        setattr(board, attribute, _data(call, least, most))

    return do


def _data(call: Call, least: int, most: int) -> bytes:
    argument = call.only()
    if not isinstance(argument, Block):
        raise ScpiError(-104)
    if len(argument.data) > most:
        raise ScpiError(-223)
    if len(argument.data) < least or len(argument.data) % 4:
        raise ScpiError(-161)
    return argument.data
