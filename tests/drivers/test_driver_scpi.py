"""What the SCPI drivers share: late answers, errors, other clients' leftovers."""

import pytest
from drivers.scripted import ScriptedTransport
from transport.loopback_server import LoopbackServer

from qkdlab.clock import RealClock
from qkdlab.errors import (
    InstrumentError,
    InstrumentReplyError,
    InstrumentTimeout,
)
from qkdlab.transport.tcp import TcpByteTransport
from qkdlab_drivers.hp.attenuator_8156a import Hp8156A
from qkdlab_drivers.hp.spec import Hp8156AOptions
from qkdlab_drivers.scpi import ScpiLine, byte_line, split_identity
from qkdlab_sims.instruments.hp_8156a import Simulator

NO_ERROR = b'+0,"No error"\n'


def line_on(*script):
    transport = ScriptedTransport(script)
    return ScpiLine("it", transport, timeout_s=1.0), transport


def test_a_late_answer_is_not_taken_for_the_next_one():
    line, transport = line_on((b"A?\n", None), (b"B?\n", b"2\n"))
    with pytest.raises(InstrumentTimeout, match=r"no answer to A\? within 1 s"):
        line.ask("A?")
    transport._pending = b"1\n"
    assert line.ask("B?") == "2"


def test_half_an_answer_is_forgotten_with_the_timeout():
    line, transport = line_on((b"A?\n", b"12"), (b"B?\n", b"2\n"))
    with pytest.raises(InstrumentTimeout):
        line.ask("A?")
    transport._pending = b"3\n"
    assert line.ask("B?") == "2"


def test_all_errors_are_reported_at_once():
    line, transport = line_on(
        (b"SYST:ERR?\n", NO_ERROR),
        (b"X\n", None),
        (b"*OPC?\n", b"1\n"),
        (b"SYST:ERR?\n", b'-113,"Undefined header"\n'),
        (b"SYST:ERR?\n", b'-222,"Data out of range"\n'),
        (b"SYST:ERR?\n", b'0,"No error"\n'),
    )
    with pytest.raises(InstrumentError, match='"Undefined header"; -222') as caught:
        line.command("X")
    assert caught.value.instrument == "it"
    transport.assert_finished()


def test_errors_that_were_there_before_are_dropped_once():
    line, transport = line_on(
        (b"SYST:ERR?\n", b'-113,"Undefined header"\n'),
        (b"SYST:ERR?\n", NO_ERROR),
        (b"X\n", None),
        (b"Y\n", None),
    )
    line.send("X")
    line.send("Y")
    transport.assert_finished()


@pytest.mark.parametrize("answer", [b"one\n", b"nan\n", b"\xff\xfe\n", b"1;2\n"])
def test_an_answer_that_is_no_number_is_told(answer):
    line, _ = line_on((b"A?\n", answer))
    with pytest.raises(InstrumentReplyError, match=r"to A\?"):
        line.ask_float("A?")


def test_an_error_queue_that_speaks_nonsense_is_told():
    line, _ = line_on((b"SYST:ERR?\n", b"what?\n"))
    with pytest.raises(InstrumentReplyError, match="SYST:ERR"):
        line.send("X")


@pytest.mark.parametrize("answer", [b"2\n", b"0.5\n", b"-1\n"])
def test_a_truth_value_is_0_or_1(answer):
    line, _ = line_on((b"A?\n", answer))
    with pytest.raises(InstrumentReplyError):
        line.ask_bool("A?")


def test_an_identity_of_other_than_four_fields_is_told():
    line, _ = line_on((b"*IDN?\n", b"hello\n"))
    with pytest.raises(InstrumentReplyError, match="hello"):
        split_identity(line, models=("X",))


def test_a_driver_needs_a_line_of_bytes():
    with pytest.raises(InstrumentError, match="`control`"):
        byte_line("it", {})


def test_blocks_carry_their_length():
    line, transport = line_on(
        (b"SYST:ERR?\n", NO_ERROR), (b"D a,#212ab\n;ab\n;ab\n;\n", None)
    )
    line.send_block("D a,", b"ab\n;" * 3)
    transport.assert_finished()


def test_a_driver_works_over_a_real_socket_in_host_time():
    simulator = Simulator()
    with LoopbackServer(simulator.endpoints["control"], speed=50.0) as server:
        transport = TcpByteTransport("att", "127.0.0.1", server.port)
        options = Hp8156AOptions(shutter_settle_s=0.01)
        driver = Hp8156A("att_tcp", {"control": transport}, options, RealClock())
        assert driver.identify()["model"] == "HP8156A"
        driver.set_attenuation_db(20.0)
        driver.set_shutter_open(True)
        assert simulator.attenuation_db(server.now_ps()) == pytest.approx(20.0)
        driver.safe_state()
        driver.close()
        assert not simulator.shutter_open(server.now_ps())
