"""Bytes that the drivers of DG645 and DD-100 must say, typed from public clients.

They hold the drivers alone: a mistake that a driver shared with its simulator would
pass every other test. Sources: EPICS drvAsynDG645, InstrumentKit, srsinst.dg645;
pylablib DD100, QMI dd100mc, COO-Utilities ozoptics_software.
"""

from qkdlab_drivers.ozoptics.attenuator_dd100 import OzDd100
from qkdlab_drivers.ozoptics.spec import Dd100Options
from qkdlab_drivers.srs.delay_generator_dg645 import SrsDg645
from qkdlab_drivers.srs.spec import Dg645Options

QUIET = (b"LERR?\n", b"0\r\n")


def test_dg645_makes_a_start_pulse_from_an_external_trigger(play):
    identity = b"Stanford Research Systems,DG645,s/n001013,ver1.00.10E\r\n"
    delay = play(
        SrsDg645,
        Dg645Options(),
        [
            (b"*IDN?\n", identity),
            QUIET,
            (b"ADVT 0\n", None),
            (b"HOLD 0\n", None),
            (b"BURM 0\n", None),
            (b"TLVL 0.80\n", None),
            (b"TSRC 1\n", None),
            QUIET,
            (b"LPOL 1,1\n", None),
            (b"DLAY 2,0,0.000001250005\n", None),
            (b"DLAY 3,2,0.000000100000\n", None),
            QUIET,
            (b"DLAY? 2\n", b"0,+0.000001250005\r\n"),
            (b"DLAY? 3\n", b"2,+0.000000100000\r\n"),
            (b"DLAY? 2\n", b"0,+0.000001250005\r\n"),
            (b"LAMP 1,0.50\n", None),
            (b"LOFF 1,0.00\n", None),
            (b"LAMP 1,1.00\n", None),
            QUIET,
            (b"LAMP? 1\n", b"+1.000\r\n"),
            (b"LOFF? 1\n", b"+0.000\r\n"),
            (b"INSR?\n", b"5\r\n"),
            (b"INSR?\n", b"5\r\n"),
        ],
    )
    assert delay.identify()["serial"] == "s/n001013"
    delay.set_external_trigger(0.8)
    delay.set_pulse("AB", 1_250_005, 100_000)
    delay.set_level("AB", 1.0)
    assert delay.is_triggered()


def test_dd100_homes_and_attenuates(play):
    attenuator = play(
        OzDd100,
        Dd100Options(home_on_open=True),
        [
            (b"CD\r\n", b"IL: 1.45\r\nMAX ATTEN: 60.00\r\nDone\r\n"),
            (b"D\r\n", b"DPos:0\r\nAtten:unknown\r\nDone\r\n"),
            (b"H\r\n", b"Diff=-2\r\nDone\r\n"),
            (b"A36.50\r\n", b"Pos:5750\r\nDone\r\n"),
            (b"D\r\n", b"DPos:5750\r\nAtten:36.50(dB)\r\nDone\r\n"),
        ],
    )
    attenuator.identify()
    attenuator.set_attenuation_db(36.5)
    assert attenuator.attenuator_capabilities().min_db == 1.45


def test_dd100_becomes_safe(play):
    attenuator = play(
        OzDd100,
        Dd100Options(),
        [
            (b"D\r\n", b"D\r\nDPos:20\r\nATTEN:1.50\r\nDone\r\n"),
            (b"A60.00\r\n", b"A60.00\r\nPos:16000\r\nDone\r\n"),
        ],
    )
    attenuator.safe_state()
