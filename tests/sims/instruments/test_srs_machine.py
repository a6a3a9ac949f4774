"""The engine of the simulated SRS instruments: lines, errors, status registers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.srs import ErrorFifo, Fault, LastErrors, SrsMachine


def make(limit_bytes=64, latency_ps=0):
    errors = ErrorFifo()
    machine = SrsMachine("A,B,C,D", errors, limit_bytes=limit_bytes)
    if latency_ps:
        machine = SrsMachine(
            "A,B,C,D", errors, limit_bytes=limit_bytes, latency_ps=latency_ps
        )
    kept = {"VOLT": 0.0}

    def set_volt(call):
        kept["VOLT"] = call.number({"V": 1.0, "MV": 1e-3})[0]

    machine.add("VOLT", do=set_volt, ask=lambda call: f"{kept['VOLT']:.3f}")
    machine.add("TIMB", ask=lambda call: "1")
    machine.add("ARMS", do=lambda call: call.expect(0))
    machine.add("MODE", do=lambda call: kept.update(mode=call.integer(0, 3)))
    machine.add("RNGE", do=lambda call: kept.update(range=call.token(("R1", "R10"))))
    machine.add("LERR", ask=lambda call: str(errors.pop()))
    return machine, kept


def say(machine, message, now_ps=0):
    machine.feed(message, now_ps)
    return machine.take(now_ps)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_may_end_in_three_ways(end):
    machine, _ = make()
    assert say(machine, b"*IDN?" + end) == b"A,B,C,D\r\n"


@pytest.mark.parametrize(
    "message", [b"VOLT 1.5", b"volt 1.5", b"VOLT1.5", b"VOLT 1500 mV", b" VOLT  1.5 "]
)
def test_a_command_may_be_written_in_many_ways(message):
    machine, kept = make()
    assert say(machine, message + b"\n") == b""
    assert kept["VOLT"] == 1.5


def test_answers_of_one_line_come_as_one_line():
    machine, _ = make()
    assert say(machine, b"VOLT 2; VOLT?;;TIMB?\n") == b"2.000;1\r\n"


def test_the_terminator_of_answers_can_be_changed():
    machine, _ = make()
    machine.terminator = "\n"
    assert say(machine, b"TIMB?\n") == b"1\n"


def test_an_answer_takes_its_time():
    machine, _ = make(latency_ps=500)
    machine.feed(b"TIMB?\n", 1000)
    assert machine.next_wake_ps() == 1500
    assert machine.take(1499) == b""
    assert machine.take(1500) == b"1\r\n"


def test_clients_on_lines_of_their_own_do_not_mix():
    machine, kept = make()
    machine.enter("one")
    machine.feed(b"VOLT 2;VO", 0)
    machine.enter("two")
    assert say(machine, b"TIMB?\n") == b"1\r\n"
    machine.enter("one")
    assert say(machine, b"LT?\n") == b"2.000\r\n"
    assert kept["VOLT"] == 2.0


def test_what_a_client_left_unfinished_goes_with_it():
    machine, _ = make()
    machine.enter("one")
    machine.feed(b"TIMB?\nVO", 0)
    machine.leave("one")
    machine.enter("one")
    assert say(machine, b"TIMB?\n") == b"1\r\n"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"12", 110),
        (b"VOLTAGE 3", 118),
        (b"NOPE", 111),
        (b"ARMS?", 112),
        (b"TIMB 1", 113),
        (b"VOLT ,", 114),
        (b"ARMS 1", 115),
        (b"VOLT 1,2", 115),
        (b"VOLT", 116),
        (b"VOLT 1" + b"0" * 64, 117),
        (b"VOLT one", 118),
        (b"VOLT nan", 118),
        (b"MODE 1.5", 120),
        (b"MODE 4", 10),
        (b"MODE", 116),
        (b"RNGE R100", 120),
        (b"VOLT 1 K", 127),
        (b"\xff\xfe", 126),
    ],
)
def test_what_is_wrong_is_noted_by_number(message, code):
    machine, kept = make()
    before = dict(kept)
    assert say(machine, message + b"\n") == b""
    assert kept == before
    assert say(machine, b"LERR?;LERR?\n") == b"%d;0\r\n" % code


def test_a_wrong_command_does_not_stop_the_next_one():
    machine, kept = make()
    say(machine, b"NOPE;VOLT 3\n")
    assert kept["VOLT"] == 3.0


def test_errors_come_in_their_order_and_the_last_tells_of_a_loss():
    machine, _ = make()
    for _ in range(25):
        say(machine, b"NOPE\n")
    answers = [say(machine, b"LERR?\n").strip() for _ in range(21)]
    assert answers == [b"111"] * 19 + [b"254", b"0"]


def test_the_two_registers_of_the_dc205_hold_the_last_error_of_their_kind():
    errors = LastErrors()
    for fault in (Fault.ILLEGAL_VALUE, Fault.NOT_ALLOWED, Fault.UNDEFINED_COMMAND):
        errors.note(fault)
    assert (errors.pop_execution(), errors.pop_command()) == (5, 2)
    assert (errors.pop_execution(), errors.pop_command()) == (0, 0)


def test_clearing_forgets_errors_and_events():
    machine, _ = make()
    say(machine, b"NOPE;*CLS\n")
    assert say(machine, b"LERR?;*ESR?\n") == b"0;0\r\n"


def test_events_are_kept_until_they_are_read():
    machine, _ = make()
    assert say(machine, b"*ESR?\n") == b"128\r\n"
    say(machine, b"NOPE;MODE 9;*OPC\n")
    assert say(machine, b"*ESR? 5;*ESR? 5;*ESR?;*ESR?\n") == b"1;0;17;0\r\n"


def test_enabled_events_are_in_the_status_byte():
    machine, _ = make()
    say(machine, b"*CLS;*ESE 32;*SRE 5,1;NOPE\n")
    assert say(machine, b"*STB?;*STB? 6;*ESE?;*SRE?;*SRE? 5\n") == b"96;1;32;32;1\r\n"


COMMANDS = st.lists(
    st.sampled_from(
        [b"VOLT 1.25\n", b"VOLT?\r\n", b"TIMB?;VOLT?\n", b"NOPE\n", b"LERR?\n", b"\n"]
    ),
    max_size=8,
).map(b"".join)


@given(COMMANDS, st.lists(st.integers(0, 100), max_size=6))
def test_the_splits_of_the_stream_make_no_difference(stream, cuts):
    whole, _ = make()
    parts, _ = make()
    expected = say(whole, stream)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pairs = itertools.pairwise(edges)
    heard = b"".join(say(parts, stream[a:b]) for a, b in pairs)
    assert heard == expected


@given(st.binary(max_size=200))
def test_garbage_is_survived(garbage):
    machine, _ = make()
    say(machine, garbage)
    say(machine, b"\n*CLS\n")
    assert say(machine, b"LERR?;TIMB?\n") == b"0;1\r\n"
