"""The SCPI machine that the simulators share."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.scpi import (
    HERTZ,
    METRE,
    OHM,
    VOLT,
    Block,
    Later,
    Quoted,
    ScpiError,
    ScpiMachine,
    boolean,
    choice,
    number,
    text,
)


def make(**options):
    machine = ScpiMachine("MAKER,MODEL,1,2", queue_depth=5, limit_bytes=1000, **options)
    state = {"level": 1.0, "offset": 0.0, "name": "", "block": b""}
    add = machine.commands.add

    def set_level(call):
        state["level"] = number(call.only(), VOLT, minimum=0.5, maximum=9, default=1)

    def set_offset(call):
        state["offset"] = number(call.only(), VOLT)

    def slow(call):
        call.takes(7_000)

    def keep(call):
        call.expect(2)
        state["name"] = text(call.arguments[0])
        state["block"] = call.arguments[1].data

    add(
        "[SOURce#]:VOLTage[:LEVel]",
        do=set_level,
        ask=lambda call: f"{call.suffixes[0]}:{state['level']:g}",
    )
    add("[SOURce#]:VOLTage:OFFSet", do=set_offset, ask=lambda c: f"{state['offset']:g}")
    add("DATA", do=keep)
    add("SLOW", do=slow)
    add("MEASure", ask=lambda call: Later(call.now_ps + 500, lambda: "42"))
    return machine, state


def say(machine, data, now_ps=0, later_ps=1_000_000):
    machine.feed(data, now_ps)
    return machine.take(later_ps)


@pytest.mark.parametrize(
    "typed", [b"SOUR2:VOLT", b"source2:voltage", b":SOUR2:VOLTAGE:LEV", b"SoUr2:vOlT"]
)
def test_short_long_and_optional_forms_are_the_same(typed):
    machine, _ = make()
    assert say(machine, typed + b"?\n") == b"2:1\n"


@pytest.mark.parametrize("typed", [b"SOURC:VOLT", b"VOLTA", b"SOUR:VOLTX", b"OFFS"])
def test_other_abbreviations_are_undefined(typed):
    machine, _ = make()
    say(machine, typed + b"?\n")
    assert say(machine, b"SYST:ERR?\n") == b'-113,"Undefined header"\n'


def test_an_absent_suffix_is_one():
    machine, _ = make()
    assert say(machine, b"VOLT?\n") == b"1:1\n"


def test_units_follow_the_node_of_the_unit_before():
    machine, state = make()
    say(machine, b"SOUR1:VOLT:LEV 2;OFFS 0.5\n")
    assert (state["level"], state["offset"]) == (2, 0.5)


def test_a_colon_goes_back_to_the_root():
    machine, state = make()
    say(machine, b"SOUR1:VOLT:OFFS 0.5;:VOLT 3\n")
    assert (state["level"], state["offset"]) == (3, 0.5)


def test_common_commands_leave_the_node_alone():
    machine, state = make()
    say(machine, b"VOLT:OFFS 0.5;*CLS;OFFS 0.7\n")
    assert state["offset"] == 0.7


def test_a_relative_header_is_not_searched_at_the_root():
    machine, state = make()
    say(machine, b"SOUR1:VOLT:OFFS 0.5;VOLT 3\n")
    assert state["level"] == 1.0
    assert say(machine, b"SYST:ERR?\n").startswith(b"-113")


def test_queries_of_one_message_answer_in_one_line():
    machine, _ = make()
    assert say(machine, b"*IDN?;VOLT?;:VOLT:OFFS?\n") == b"MAKER,MODEL,1,2;1:1;0\n"


def test_pipelined_messages_answer_in_order():
    machine, _ = make()
    assert say(machine, b"VOLT?\n*OPC?\nVOLT:OFFS?\n") == b"1:1\n1\n0\n"


def test_carriage_return_before_line_feed_is_blank():
    machine, _ = make()
    assert say(machine, b"VOLT?\r\n") == b"1:1\n"


def test_execution_errors_do_not_stop_the_message():
    machine, state = make()

    def refuse(call):
        raise ScpiError(-222)

    machine.commands.add("BAD", do=refuse)
    say(machine, b"BAD;VOLT 4\n")
    assert state["level"] == 4
    assert say(machine, b"SYST:ERR?\n") == b'-222,"Data out of range"\n'


def test_command_errors_stop_the_message():
    machine, state = make()
    say(machine, b"NOPE;VOLT 4\n")
    assert state["level"] == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"VOLT\n", -109),
        (b"VOLT 1,2\n", -108),
        (b"VOLT 1HZ\n", -131),
        (b"VOLT one\n", -104),
        (b"VOLT 1..2\n", -120),
        (b"VOLT,1\n", -111),
        (b"VOLT ,1\n", -102),
        (b"VOLT 1,\n", -109),
        (b"?\n", -102),
        (b"DATA 'a,#13abc\n", -151),
        (b"DATA a,#19abc\n", None),
    ],
)
def test_malformed_messages_have_their_errors(message, code):
    machine, _ = make()
    say(machine, message)
    if code is None:  # the block swallows the query that follows
        assert say(machine, b"SYST:ERR?\n") == b""
    else:
        assert say(machine, b"SYST:ERR?\n").startswith(b"%d," % code)


def test_the_queue_ends_with_an_overflow():
    machine, _ = make()
    say(machine, b"NOPE\n" * 8)
    answers = [say(machine, b"SYST:ERR?\n") for _ in range(6)]
    assert answers[3] == b'-113,"Undefined header"\n'
    assert answers[4] == b'-350,"Queue overflow"\n'
    assert answers[5] == b'+0,"No error"\n'


def test_cls_empties_queue_and_event_register():
    machine, _ = make()
    say(machine, b"NOPE\n*CLS\n")
    assert say(machine, b"SYST:ERR?;*ESR?\n") == b'+0,"No error";0\n'


def test_event_register_tells_of_power_on_once():
    machine, _ = make()
    assert say(machine, b"*ESR?\n*ESR?\n") == b"128\n0\n"


@pytest.mark.parametrize(
    ("message", "bit"), [(b"NOPE\n", 32), (b"VOLT 1\nVOLT 1HZ\n", 32)]
)
def test_errors_set_their_event_bits(message, bit):
    machine, _ = make()
    say(machine, b"*CLS\n" + message)
    assert say(machine, b"*ESR?\n") == b"%d\n" % bit


def test_service_request_follows_the_enable_registers():
    machine, _ = make()
    assert say(machine, b"*CLS;*ESE 32;*SRE 32;*STB?\n") == b"0\n"
    say(machine, b"NOPE\n")
    assert say(machine, b"*STB?\n") == b"96\n"
    assert say(machine, b"*ESE?;*SRE?\n") == b"32;32\n"


def test_opc_sets_its_bit_when_pending_operations_end():
    machine, _ = make()
    machine.pending_ps = 1000
    say(machine, b"*CLS;*OPC\n", now_ps=0)
    assert say(machine, b"*ESR?\n", now_ps=999) == b"0\n"
    assert say(machine, b"*ESR?\n", now_ps=1000) == b"1\n"


def test_opc_query_waits_for_pending_operations():
    machine, _ = make()
    machine.pending_ps = 1000
    machine.feed(b"*OPC?\n", 0)
    assert machine.take(999) == b""
    assert machine.next_wake_ps() == 1000
    assert machine.take(1000) == b"1\n"


def test_commands_after_a_slow_one_wait():
    machine, _ = make()
    machine.feed(b"SLOW;VOLT?\n", 100)
    assert machine.next_wake_ps() == 7100


def test_a_measured_value_is_taken_when_it_is_due():
    machine, _ = make()
    machine.feed(b"MEAS?\n", 0)
    assert machine.take(499) == b""
    assert machine.take(500) == b"42\n"


def test_an_unread_response_is_lost_where_responses_do_not_queue():
    machine, _ = make(discard_unread=True)
    machine.feed(b"VOLT?\n", 0)
    machine.feed(b"*OPC?\n", 10)
    assert machine.take(20) == b"1\n"
    assert say(machine, b"SYST:ERR?\n", 30, 40) == b'-410,"Query INTERRUPTED"\n'


def test_a_message_over_the_limit_is_an_error():
    machine, _ = make()
    say(machine, b"A" * 2000 + b"\n")
    assert say(machine, b"SYST:ERR?\n") == b'-363,"Input buffer overrun"\n'


def test_blocks_and_names_reach_the_handler():
    machine, state = make()
    say(machine, b"DATA 'it''s',#15\n;,\"x\n")
    assert state["name"] == "it's"
    assert state["block"] == b'\n;,"x'


@given(st.lists(st.integers(1, 90), max_size=10))
def test_any_split_gives_the_same_answers(cuts):
    stream = (
        b'VOLT 2;VOLT?\nDATA a,#15\n;,"x\nSOUR2:VOLT:OFFS 0.25\n'
        b"*IDN?;:VOLT:OFFS?\nNOPE\nSYST:ERR?;:SYST:ERR?\n"
    )
    whole, _ = make()
    split, _ = make()
    edges = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    for begin, end in itertools.pairwise(edges):
        split.feed(stream[begin:end], 0)
    assert split.take(10**9) == say(whole, stream)


@pytest.mark.parametrize(
    ("typed", "units", "value"),
    [
        ("1.5E-6", METRE, 1.5e-6),
        ("1500nm", METRE, 1500e-9),
        ("1.5 UM", METRE, 1.5e-6),
        ("2 MV", VOLT, 2e-3),
        ("2MHZ", HERTZ, 2e6),
        ("2MOHM", OHM, 2e6),
        ("+.5", None, 0.5),
        ("-3.", None, -3.0),
        ("#HFF", None, 255.0),
        ("MIN", None, -1.0),
        ("maximum", None, 7.0),
        ("DEF", None, 3.0),
    ],
)
def test_numbers_are_read(typed, units, value):
    got = number(typed, units, minimum=-1.0, maximum=7.0, default=3.0)
    assert got == pytest.approx(value)


@pytest.mark.parametrize(
    ("typed", "code"), [("1V", -138), ("", -120), ("MINI", -104), ("1e", -131)]
)
def test_bad_numbers_are_refused(typed, code):
    units = HERTZ if code == -131 else None
    with pytest.raises(ScpiError) as caught:
        number(typed, units, minimum=0)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("typed", "value"), [("ON", True), ("off", False), ("2", True), ("0.4", False)]
)
def test_booleans_are_read(typed, value):
    assert boolean(typed) is value


def test_choices_answer_with_the_short_form():
    words = ("NORMal", "CH1", "CH2")
    assert choice("normal", words) == "NORM"
    assert choice(Quoted("ch2"), words) == "CH2"
    with pytest.raises(ScpiError):
        choice("norma", words)
    with pytest.raises(ScpiError):
        choice(Block(b""), words)
