"""Bytes that the drivers of clock, voltage source and laser driver must say and take.

They hold the drivers alone: a mistake that a driver shared with its simulator would
pass every other test. Sources: SG384 as a public client saw a unit (CR LF, plain
numbers); DC205 manual page 3-14 and the maker's Python package; CTL200 as recorded with
pymeasure's driver.
"""

import pytest

from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab_drivers.koheron.laser_ctl200 import KoheronCtl200
from qkdlab_drivers.koheron.spec import Ctl200Options
from qkdlab_drivers.srs.clock_sg384 import SrsSg384
from qkdlab_drivers.srs.spec import Dc205Options, Sg384Options
from qkdlab_drivers.srs.voltage_dc205 import SrsDc205

FIFO = (b"LERR?\n", b"0\r\n")
LAST = [(b"LEXE?\n", b"0\n"), (b"LCME?\n", b"0\n")]
DONE = [(b"*OPC?\n", b"1\r\n"), FIFO]
SRS = b"Stanford Research Systems,"


def terminal(command, answer):
    return (
        command.encode() + b"\r\n",
        f"{command}\r\n{answer}\r\n>>".encode(),
    )


def test_sg384_identifies_itself(play):
    answer = SRS + b"SG384,s/n001796,ver1.21.26\r\n"
    clock = play(SrsSg384, Sg384Options(), [(b"*IDN?\n", answer)])
    assert clock.identify() == {
        "vendor": "Stanford Research Systems",
        "model": "SG384",
        "serial": "s/n001796",
        "firmware": "ver1.21.26",
    }


def test_sg384_sets_frequency_phase_and_power(play):
    script = [
        FIFO,
        (b"FREQ 100000000.000000\n", None),
        *DONE,
        (b"PHAS?\n", b"350.0\r\n"),
        (b"PHAS 10.5\n", None),
        *DONE,
        (b"AMPR 13.00\n", None),
        *DONE,
        (b"MODL 0\n", None),
        (b"ENBR 1\n", None),
        *DONE,
    ]
    clock = play(SrsSg384, Sg384Options(), script)
    clock.set_frequency_hz(1e8)
    clock.set_phase_deg(370.5)
    clock.set_power_dbm(13.0)
    clock.set_output_on(True)


@pytest.mark.parametrize(
    ("now", "angle_deg", "said"),
    [
        (b"350.0", 10.0, b"10.0"),
        (b"-350.0", 10.0, b"-350.0"),
        (b"0.0", 350.0, b"-10.0"),
        (b"0.0", -0.01, b"-0.0"),
        (b"180.0", 359.99, b"360.0"),
    ],
)
def test_sg384_takes_the_shorter_way_to_a_phase(play, now, angle_deg, said):
    script = [(b"PHAS?\n", now + b"\r\n"), FIFO, (b"PHAS " + said + b"\n", None), *DONE]
    play(SrsSg384, Sg384Options(), script).set_phase_deg(angle_deg)


def test_sg384_reports_its_error_in_words(play):
    script = [
        FIFO,
        (b"AMPR 16.00\n", None),
        (b"*OPC?\n", b"1\r\n"),
        (b"LERR?\n", b"12\r\n"),
        FIFO,
    ]
    clock = play(SrsSg384, Sg384Options(), script)
    with pytest.raises(InstrumentError, match=r"error 12 \(not allowed\) after AMPR"):
        clock.set_power_dbm(16.0)


def test_sg384_tells_its_timebase(play):
    script = [
        (b"TIMB?\n", b"3\r\n"),
        (b"INSR?\n", b"32\r\n"),
        (b"INSR?\n", b"0\r\n"),
    ]
    assert play(SrsSg384, Sg384Options(), script).get_timebase() == "external"


def test_dc205_identifies_itself(play):
    answer = SRS + b"DC205,s/n20512345,ver1.00\r\n"
    source = play(SrsDc205, Dc205Options(), [(b"\n", None), (b"*IDN?\n", answer)])
    assert source.identify()["model"] == "DC205"


def test_dc205_goes_to_its_range_before_it_gives_a_voltage(play):
    script = [
        (b"TERM LF;TOKN OFF\n", None),
        (b"RNGE?\n", b"0\n"),
        *LAST,
        (b"SOUT 0\n", None),
        (b"RNGE 1\n", None),
        *LAST,
        (b"VOLT 3.200000\n", None),
        *LAST,
        (b"VOLT?\n", b"3.20000\n"),
        (b"VOLT?\n", b"3.200000\n"),
        (b"SOUT 1\n", None),
        *LAST,
        (b"SOUT?\n", b"1\n"),
    ]
    source = play(SrsDc205, Dc205Options(range_v=10), script)
    source.set_voltage_v(3.2)
    source.set_output_on(True)


def test_dc205_becomes_safe_in_two_words(play):
    script = [
        (b"VOLT 0\n", None),
        (b"SOUT 0\n", None),
        (b"TERM LF;TOKN OFF\n", None),
        (b"SOUT?\n", b"0\n"),
    ]
    play(SrsDc205, Dc205Options(), script).safe_state()


def test_ctl200_identifies_itself(play):
    script = [
        terminal("model", "CTL200-0"),
        terminal("serial", "0123456789"),
        terminal("version", "v0.17"),
    ]
    laser = play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script)
    assert laser.identify() == {
        "vendor": "Koheron",
        "model": "CTL200-0",
        "serial": "0123456789",
        "firmware": "v0.17",
    }


def test_ctl200_goes_on_with_its_limit_and_its_temperature(play):
    script = [
        terminal("ilmax 60.000", "60.000"),
        terminal("ilmax", "60.000"),
        terminal("ilaser 12.500", "12.500"),
        terminal("tecon", "1"),
        terminal("rtset", "10000.000"),
        terminal("rtact", "9998.500"),
        terminal("errclr", "ffffffff"),
        terminal("lason 1", "1"),
        terminal("ldelay", "2500.000"),
    ]
    laser = play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script)
    laser.set_current_ma(12.5)
    laser.set_laser_on(True)


def test_ctl200_reads_its_errors_as_hexadecimal(play):
    script = [
        terminal("lason 0", "1"),
        terminal("err", "a0"),
    ]
    laser = play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script)
    with pytest.raises(InstrumentError, match=r"invalid argument, interlock opened"):
        laser.set_laser_on(False)


def test_ctl200_becomes_safe_in_two_words(play):
    script = [terminal("lason 0", "0"), terminal("ilaser 0.000", "0.000")]
    play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script).safe_state()


def test_ctl200_takes_no_answer_to_another_command(play):
    script = [(b"rtact\r\n", b"ilaser\r\n9998.500\r\n>>")]
    laser = play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script)
    with pytest.raises(InstrumentReplyError):
        laser.get_thermistor_ohm()


def test_ctl200_takes_an_echo_in_steps_of_its_converters(play):
    script = [
        terminal("ilmax 60.000", "59.998"),
        terminal("ilmax", "59.998"),
        terminal("ilaser 12.500", "12.503"),
        terminal("rtset 10000.000", "9999.640"),
    ]
    laser = play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script)
    laser.set_current_ma(12.5)
    laser._set_point(10_000.0)


def test_ctl200_refuses_an_echo_that_is_another_current(play):
    script = [
        terminal("ilmax 60.000", "60.000"),
        terminal("ilmax", "60.000"),
        terminal("ilaser 12.500", "12.530"),
        terminal("err", "00"),
    ]
    laser = play(KoheronCtl200, Ctl200Options(current_limit_ma=60), script)
    with pytest.raises(InstrumentError, match=r"took 12\.53 mA instead of 12\.5 mA"):
        laser.set_current_ma(12.5)
