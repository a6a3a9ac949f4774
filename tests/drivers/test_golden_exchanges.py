"""Bytes that the drivers must say, typed from the instruments' manuals.

They hold the drivers alone: a mistake that a driver shared with its simulator would
pass every other test. Sources: 33500/33600 SCPI reference; 8156A guide 08156-91011
chapter 8; PM100D manual chapter 6.
"""

import numpy as np

from qkdlab_drivers.hp.attenuator_8156a import Hp8156A
from qkdlab_drivers.hp.spec import Hp8156AOptions
from qkdlab_drivers.keysight.awg_33622a import Keysight33622A
from qkdlab_drivers.keysight.spec import Keysight33622AOptions
from qkdlab_drivers.thorlabs.pm100d import ThorlabsPm100d
from qkdlab_drivers.thorlabs.spec import Pm100dOptions

NO_ERROR = b'+0,"No error"\n'
QUIET = (b"SYST:ERR?\n", NO_ERROR)
DONE = [(b"*OPC?\n", b"1\n"), QUIET]


def plain(channel):
    """Return what switches off all that could act on an output beside its waveform."""
    source, output = f"SOUR{channel}:", f"OUTP{channel}:"
    return (
        f"{source}TRAC OFF;:{source}VOLT:COUP OFF;:{source}RATE:COUP OFF"
        f";:{source}COMB:FEED NONE;:{source}BURS:STAT OFF;:{source}SWE:STAT OFF"
        f";:{source}AM:STAT OFF;:{source}FM:STAT OFF;:{source}PM:STAT OFF"
        f";:{source}FSK:STAT OFF;:{source}BPSK:STAT OFF;:{source}PWM:STAT OFF"
        f";:{source}SUM:STAT OFF;:{source}FUNC:ARB:ADV SRAT"
        f";:{output}MODE NORM;:{output}SYNC:MODE NORM;:{output}SYNC:POL NORM\n"
    ).encode()


def test_33622a_identifies_itself(play):
    awg = play(
        Keysight33622A,
        Keysight33622AOptions(),
        [(b"*IDN?\n", b"Agilent Technologies,33622A,MY53800123,A.01.10-2.25-03\n")],
    )
    assert awg.identify() == {
        "vendor": "Agilent Technologies",
        "model": "33622A",
        "serial": "MY53800123",
        "firmware": "A.01.10-2.25-03",
    }


def test_33622a_loads_a_waveform(play):
    # Half the samples at 0 V, half at 1 V: offset 0.5 V; amplitude 1.001 V, for the top
    # code of 14 bits is 32764 of 32767. 0.5 V of 0.5005 V is code 32734.3, to a
    # multiple of 4 32736 = 0x7FE0, little endian after FORM:BORD SWAP.
    low, high = bytes([0x20, 0x80]), bytes([0xE0, 0x7F])
    awg = play(
        Keysight33622A,
        Keysight33622AOptions(reference="external"),
        [
            QUIET,
            (b"OUTP1 OFF\n", None),
            (b"OUTP2 OFF\n", None),
            (b"FORM:BORD SWAP\n", None),
            *DONE,
            (plain(1), None),
            (plain(2), None),
            *DONE,
            (b"ROSC:SOUR EXT\n", None),
            *DONE,
            (b"OUTP:SYNC:SOUR CH1\n", None),
            (b"OUTP:SYNC ON\n", None),
            *DONE,
            (b"SOUR2:DATA:VOL:CLE\n", None),
            *DONE,
            (
                b"SOUR2:DATA:ARB:DAC QKDLAB2,#264" + 16 * low + 16 * high + b"\n",
                None,
            ),
            *DONE,
            (b"OUTP2:LOAD 50\n", None),
            (b"OUTP2:POL NORM\n", None),
            (b"SOUR2:VOLT:UNIT VPP\n", None),
            (b"SOUR2:FUNC:ARB:FILT STEP\n", None),
            (b"SOUR2:FUNC:ARB:SRAT 1000000000\n", None),
            (b'SOUR2:FUNC:ARB "QKDLAB2"\n', None),
            (b"SOUR2:FUNC ARB\n", None),
            (b"SOUR2:VOLT:OFFS 0\n", None),
            (b"SOUR2:VOLT 1.001000\n", None),
            (b"SOUR2:VOLT:OFFS 0.500000\n", None),
            *DONE,
            (b"SOUR2:FUNC:ARB:SRAT?\n", b"+1.000000000000000E+09\n"),
            (b"SOUR2:FUNC:ARB:POIN?\n", b"+32\n"),
            (b"SOUR2:VOLT?\n", b"+1.001000000000000E+00\n"),
            (b"SOUR2:VOLT:OFFS?\n", b"+5.000000000000000E-01\n"),
        ],
    )
    volts = np.repeat([0.0, 1.0], 16)
    given = awg.load_waveforms({2: volts}, 1e9)
    np.testing.assert_allclose(given[2], volts, atol=0.07e-3)


def test_33622a_starts_and_stops(play):
    awg = play(
        Keysight33622A,
        Keysight33622AOptions(),
        [
            QUIET,
            (b"OUTP1 ON\n", None),
            (b"OUTP2 ON\n", None),
            (b"FUNC:ARB:SYNC\n", None),
            *DONE,
            (b"OUTP1 OFF\n", None),
            (b"OUTP2 OFF\n", None),
            *DONE,
        ],
    )
    awg._loaded = {1, 2}
    awg.start()
    awg.stop()


def test_33622a_asks_for_the_lock_before_it_starts(play):
    awg = play(
        Keysight33622A,
        Keysight33622AOptions(reference="external"),
        [
            (b"STAT:QUES:COND?\n", b"+0\n"),
            QUIET,
            (b"OUTP1 ON\n", None),
            (b"FUNC:ARB:SYNC\n", None),
            *DONE,
        ],
    )
    awg._loaded = {1}
    awg.start()


def test_33622a_becomes_safe(play):
    awg = play(
        Keysight33622A,
        Keysight33622AOptions(),
        [
            (b"OUTP1 OFF\n", None),
            (b"OUTP2 OFF\n", None),
            (b"OUTP1?\n", b"0\n"),
            (b"OUTP2?\n", b"0\n"),
        ],
    )
    awg.safe_state()


def test_8156a_attenuates_and_opens(play):
    attenuator = play(
        Hp8156A,
        Hp8156AOptions(wavelength_nm=1550.12),
        [
            (b"*IDN?\n", b"HEWLETT-PACKARD, HP8156A, 3328G00123, 1.02\n"),
            QUIET,
            (b":INP:WAV 1550.120NM\n", None),
            QUIET,
            (b":INP:OFFS?\n", b"0.000\n"),
            (b":INP:ATT 32.150DB\n", None),
            QUIET,
            (b":STAT:OPER:COND?\n", b"2\n"),
            (b":STAT:OPER:COND?\n", b"+0\n"),
            (b":INP:ATT?\n", b"+3.215000E+01\n"),
            (b":OUTP ON\n", None),
            QUIET,
            (b":OUTP?\n", b"1\n"),
        ],
    )
    attenuator.identify()
    attenuator.set_attenuation_db(32.15)
    attenuator.set_shutter_open(True)


def test_8156a_becomes_safe(play):
    attenuator = play(
        Hp8156A,
        Hp8156AOptions(),
        [
            (b":OUTP OFF\n", None),
            (b":INP:ATT MAX\n", None),
            (b":OUTP?\n", b"0\n"),
            (b":STAT:OPER:COND?\n", b"0\n"),
        ],
    )
    attenuator.safe_state()


def test_pm100d_zeroes_and_reads(play):
    meter = play(
        ThorlabsPm100d,
        Pm100dOptions(wavelength_nm=1550.12, average=30),
        [
            (b"*IDN?\n", b"THORLABS,PM100D,P0012345,2.5.0\n"),
            (b"SYST:SENS:IDN?\n", b"S155C,13052301,01-May-2013,1,18,33\n"),
            QUIET,
            (b"SENS:CORR:WAV 1550.120\n", None),
            QUIET,
            (b"CONF:POW\n", None),
            QUIET,
            (b"SENS:POW:UNIT W\n", None),
            QUIET,
            (b"SENS:POW:REF:STAT 0\n", None),
            QUIET,
            (b"SENS:CORR:LOSS:INP:MAGN 0\n", None),
            QUIET,
            (b"SENS:POW:RANG:AUTO 1\n", None),
            QUIET,
            (b"INP:PDI:FILT:LPAS:STAT 1\n", None),
            QUIET,
            (b"SENS:AVER 30\n", None),
            QUIET,
            (b"SENS:CORR:COLL:ZERO:INIT\n", None),
            QUIET,
            (b"SENS:CORR:COLL:ZERO:STAT?\n", b"1\n"),
            (b"SENS:CORR:COLL:ZERO:STAT?\n", b"0\n"),
            QUIET,
            (b"READ?\n", b"2.01234567E-06\n"),
            (b"READ?\n", b"2.01234599E-06\n"),
        ],
    )
    assert meter.identify()["sensor"] == "S155C"
    meter.zero()
    assert meter.read_power_w(2) == [2.01234567e-06, 2.01234599e-06]
