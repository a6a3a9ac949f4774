"""The simulated Keysight 33622A, byte by byte."""

import numpy as np
import pytest

from qkdlab_sims.instruments.keysight_33622a import Simulator

NO_ERROR = b'+0,"No error"\n'


class Bench:
    def __init__(self, **options):
        self.phases = []
        options.setdefault("start_phase_ps", self.phase)
        self.sim = Simulator(**options)
        self.machine = self.sim.endpoints["control"]
        self.now_ps = 0
        self.changes = []
        self.sim.on_change = self.changes.append

    def phase(self):
        self.phases.append(100 + len(self.phases))
        return self.phases[-1]

    def say(self, message):
        self.machine.feed(message.encode("ascii") + b"\n", self.now_ps)
        self.now_ps = max(self.now_ps, self.machine.ready_ps)
        return self.machine.take(self.now_ps)

    def send(self, data):
        self.machine.feed(data, self.now_ps)

    def error(self):
        return self.say("SYST:ERR?")


@pytest.fixture
def bench():
    return Bench()


def block(codes, order=">"):
    data = np.asarray(codes).astype(order + "i2").tobytes()
    digits = str(len(data))
    return b"#%d%s" % (len(digits), digits.encode()) + data


RAMP = np.arange(-1000, 1000, 4)


def upload(bench, name="A", codes=RAMP, channel=1, order=">"):
    bench.send(b"SOUR%d:DATA:ARB:DAC %s," % (channel, name.encode()))
    bench.send(block(codes, order) + b"\n")


def test_it_says_who_it_is(bench):
    answer = bench.say("*IDN?")
    assert answer.startswith(b"Keysight Technologies,33622A,MY59000001,")
    assert answer.endswith(b"\n")


def test_it_powers_up_with_outputs_off_at_100_mvpp(bench):
    assert bench.say("OUTP1?;:OUTP2?") == b"0;0\n"
    assert bench.say("VOLT?") == b"+1.000000000000000E-01\n"
    assert bench.say("SOUR2:FUNC?;:OUTP:LOAD?") == b"SIN;+5.000000000000000E+01\n"
    assert not bench.sim.output(1).enabled


@pytest.mark.parametrize(("order", "mode"), [(">", "NORM"), ("<", "SWAP")])
def test_blocks_of_codes_come_in_either_byte_order(bench, order, mode):
    bench.say(f"FORM:BORD {mode}")
    upload(bench, order=order)
    bench.say("FUNC:ARB A")
    bench.say("FUNC ARB;:VOLT 2;VOLT:OFFS 0")
    volts = bench.sim.output(1).volts
    np.testing.assert_allclose(volts, RAMP / 32767, atol=1e-9)
    assert bench.say("FUNC:ARB:POIN?") == b"+500\n"


def test_float_blocks_and_lists_give_the_same_waveform(bench):
    values = np.linspace(-1, 1, 40).astype("f4")
    bench.send(b"DATA:ARB F,#3160" + values.astype(">f4").tobytes() + b"\n")
    bench.say("DATA:ARB L," + ",".join(f"{v:.9f}" for v in values))
    bench.say("DATA:ARB:DAC D," + ",".join(f"{round(v * 32767)}" for v in values))
    assert bench.error() == NO_ERROR
    bench.say("FUNC ARB;VOLT 2")
    outputs = []
    for name in "FLD":
        bench.say(f'FUNC:ARB "{name}"')
        outputs.append(bench.sim.output(1).volts)
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_the_converter_keeps_14_bits(bench):
    upload(bench, codes=np.array([0, 1, 2, 3, 5, 6, 32767, -32767] * 4))
    bench.say("FUNC:ARB A;:FUNC ARB;:VOLT 2")
    steps = bench.sim.output(1).volts[:8] * 32767 / 4
    np.testing.assert_allclose(steps, [0, 0, 0, 1, 1, 2, 8191, -8191], atol=1e-6)


def test_a_name_can_be_loaded_once_until_memory_is_cleared(bench):
    upload(bench)
    upload(bench)
    assert bench.error() == b'+786,"Specified arb waveform already exists"\n'
    bench.say("DATA:VOL:CLE")
    upload(bench)
    assert bench.error() == NO_ERROR


def test_the_catalogue_and_the_free_space_belong_to_the_channel(bench):
    upload(bench, channel=2)
    assert bench.say("SOUR2:DATA:VOL:CAT?") == (b'"INT:\\BUILTIN\\EXP_RISE.ARB","A"\n')
    assert bench.say("DATA:VOL:CAT?") == b'"INT:\\BUILTIN\\EXP_RISE.ARB"\n'
    assert bench.say("SOUR2:DATA:VOL:FREE?") == b"+3999500\n"
    assert bench.say("DATA:VOL:FREE?") == b"+4000000\n"


def test_an_unknown_waveform_is_refused(bench):
    bench.say("FUNC:ARB NOPE")
    assert bench.error() == b'+785,"Specified arb waveform does not exist"\n'


def test_too_few_points_are_refused(bench):
    upload(bench, codes=np.zeros(31))
    assert bench.error().startswith(b"-222")


def test_a_full_memory_is_told():
    bench = Bench(memory_points=100)
    upload(bench, codes=np.zeros(101))
    assert bench.error().startswith(b"+781")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"DATA:ARB:DAC A,#3123" + b"\0" * 123, b"+800"),
        (b"DATA:ARB:DAC A,#264" + b"\x80\x00" * 32, b"-222"),
        (b"DATA:ARB A,#3128" + b"\x7f\xc0\x00\x00" * 32, b"-222"),
        (b"DATA:ARB A,2" + b",0" * 40, b"-222"),
        (b"DATA:ARB A,x" + b",0" * 40, b"-120"),
        (b"DATA:ARB:DAC A", b"-109"),
        (b"DATA:ARB:DAC TOOLONGANAME1," + b"0," * 40 + b"0", b"+783"),
        (b"SOUR3:DATA:VOL:CLE", b"-114"),
    ],
)
def test_bad_uploads_have_their_errors(bench, message, code):
    bench.send(message + b"\n")
    assert bench.error().startswith(code)


def test_one_gigasample_needs_a_filter(bench):
    bench.say("FUNC:ARB:FILT OFF;SRAT 1E9")
    assert bench.error().startswith(b'-222,"Data out of range; value clipped')
    assert bench.say("FUNC:ARB:SRAT?") == b"+2.500000000000000E+08\n"
    bench.say("FUNC:ARB:FILT STEP;SRAT 1E9")
    assert bench.error() == NO_ERROR
    assert bench.say("FUNC:ARB:SRAT?") == b"+1.000000000000000E+09\n"


def test_switching_the_filter_off_reduces_the_rate_with_a_conflict(bench):
    bench.say("FUNC:ARB:FILT NORM;SRAT 1E9;FILT OFF")
    assert bench.error().startswith(b"-221")
    assert bench.say("FUNC:ARB:SRAT? ;SRAT? MAX") == (
        b"+2.500000000000000E+08;+2.500000000000000E+08\n"
    )


def test_the_load_changes_what_is_shown_and_not_what_is_given(bench):
    bench.say("FUNC DC;VOLT:OFFS 0.5;:VOLT 0.2")
    before = bench.sim.output(1).volts.copy()
    bench.say("OUTP:LOAD INF")
    assert bench.say("VOLT?;VOLT:OFFS?") == (
        b"+4.000000000000000E-01;+1.000000000000000E+00\n"
    )
    assert bench.say("OUTP:LOAD?") == b"+9.900000000000000E+37\n"
    np.testing.assert_array_equal(bench.sim.output(1).volts, before)


def test_half_the_shown_voltage_reaches_50_ohm_when_set_to_infinity(bench):
    bench.say("OUTP:LOAD INF;:FUNC DC;VOLT:OFFS 1")
    np.testing.assert_allclose(bench.sim.output(1).volts, 0.5)


@pytest.mark.parametrize(
    ("commands", "code", "amplitude"),
    [
        ("VOLT 11", b"-222", 10.0),
        ("FREQ 70E6;VOLT 6", b"-222", 5.0),
        ("FREQ 100E6;VOLT 6", b"-222", 4.0),
        ("VOLT 8;FREQ 100E6", b"-221", 4.0),
        ("VOLT 1E-4", b"-222", 1e-3),
        ("OUTP:LOAD INF;:VOLT 20", b"+0", 20.0),
    ],
)
def test_amplitude_is_limited_by_frequency_and_load(bench, commands, code, amplitude):
    bench.say(commands)
    assert bench.error().startswith(code)
    assert float(bench.say("VOLT?")) == pytest.approx(amplitude)


def test_amplitude_and_offset_share_the_5_volts(bench):
    bench.say("VOLT 2;VOLT:OFFS 4.5")
    assert bench.error().startswith(b"-222")
    assert float(bench.say("VOLT:OFFS?")) == pytest.approx(4.0)
    bench.say("VOLT 4")
    assert bench.error().startswith(b"-221")
    assert float(bench.say("VOLT:OFFS?")) == pytest.approx(3.0)


def test_levels_are_another_view_of_amplitude_and_offset(bench):
    bench.say("VOLT:HIGH 2;LOW -1")
    assert bench.say("VOLT?;VOLT:OFFS?") == (
        b"+3.000000000000000E+00;+5.000000000000000E-01\n"
    )
    bench.say("VOLT:LOW 2.5")
    assert bench.error().startswith(b"-221")


def test_units_of_amplitude_are_converted(bench):
    bench.say("VOLT 2;VOLT:UNIT VRMS")
    assert float(bench.say("VOLT?")) == pytest.approx(1 / np.sqrt(2))
    bench.say("VOLT:UNIT DBM")
    assert float(bench.say("VOLT?")) == pytest.approx(10.0)
    bench.say("VOLT 4")
    assert float(bench.say("VOLT:UNIT VPP;:VOLT?")) == pytest.approx(1.002, abs=1e-3)


def test_polarity_turns_the_waveform_and_not_the_offset(bench):
    bench.say("VOLT 1;VOLT:OFFS 0.25;:OUTP:POL INV")
    volts = bench.sim.output(1).volts
    assert volts[64] == pytest.approx(-0.25)
    assert volts.mean() == pytest.approx(0.25)


def test_each_start_has_its_own_phase_until_channels_are_synchronised(bench):
    upload(bench)
    upload(bench, channel=2)
    bench.say("FUNC:ARB A;:FUNC ARB;:SOUR2:FUNC:ARB A;:SOUR2:FUNC ARB")
    assert bench.sim.output(1).start_ps != bench.sim.output(2).start_ps
    bench.say("FUNC:ARB:SYNC")
    first, second = bench.sim.output(1), bench.sim.output(2)
    assert first.start_ps == second.start_ps
    assert first.start_ps >= bench.now_ps + bench.phases[-1]


@pytest.mark.parametrize("restarts", [True, False])
def test_whether_output_on_restarts_is_an_option(restarts):
    bench = Bench(output_on_restarts=restarts)
    before = len(bench.phases)
    bench.say("OUTP1 ON")
    assert len(bench.phases) - before == int(restarts)


def test_sync_gives_the_period_of_its_source(bench):
    upload(bench, codes=np.zeros(80_000))
    bench.say("FUNC:ARB A;:FUNC ARB;:FUNC:ARB:SRAT 100E6")
    assert bench.sim.sync_period_ps() == 800_000_000
    assert bench.say("OUTP:SYNC:SOUR?") == b"CH1\n"
    bench.say("OUTP:SYNC OFF")
    assert bench.sim.sync_period_ps() is None
    bench.say("OUTP:SYNC ON;SYNC:SOUR CH2")
    assert bench.error() == NO_ERROR
    assert bench.sim.sync_period_ps() == 1_000_000_000


def test_a_burst_stops_the_continuous_output(bench):
    bench.say("OUTP1 ON")
    assert bench.sim.output(1).enabled
    bench.say("BURS:STAT ON")
    assert not bench.sim.output(1).enabled


def test_the_world_hears_of_each_change(bench):
    bench.now_ps = 5_000
    bench.say("OUTP1 ON")
    assert bench.changes == [5_000]


def test_loading_takes_time(bench):
    upload(bench, codes=np.zeros(1000))
    bench.send(b"*OPC?\n")
    assert bench.machine.take(0) == b""
    assert bench.machine.take(1000 * 250_000) == b"1\n"


def test_the_reference_follows_its_input_unless_told(bench):
    assert bench.say("ROSC:SOUR:AUTO?;CURR?") == b"1;EXT\n"
    bench.say("ROSC:SOUR INT")
    assert bench.say("ROSC:SOUR?;SOUR:CURR?") == b"INT;INT\n"


def test_an_external_reference_that_is_missing_is_told():
    bench = Bench(reference_present=False)
    bench.say("ROSC:SOUR EXT")
    assert bench.error().startswith(b"+580")


def test_a_reference_that_goes_away_shows_in_the_questionable_condition(bench):
    bench.say("ROSC:SOUR EXT")
    assert bench.say("STAT:QUES:COND?") == b"0\n"
    bench.sim.reference_present = False
    assert bench.say("STAT:QUES:COND?") == b"32\n"
    bench.say("ROSC:SOUR INT")
    assert bench.say("STAT:QUES:COND?") == b"0\n"


def test_ptpeak_may_be_without_effect():
    bench = Bench(ptpeak_sets_amplitude=False)
    bench.say("FUNC:ARB:PTP 4")
    assert bench.say("VOLT?;:SYST:ERR?") == b'+1.000000000000000E-01;+0,"No error"\n'


def test_reset_restores_settings_and_keeps_memory(bench):
    upload(bench)
    bench.say("FUNC:ARB A;:FUNC ARB;:VOLT 3;:OUTP1 ON;:FORM:BORD SWAP;:BURS:NCYC 3")
    bench.say("*RST")
    assert bench.say("FUNC?;:OUTP1?;:FORM:BORD?") == b"SIN;0;NORM\n"
    assert bench.say("VOLT?;:BURS:NCYC?") == (
        b"+1.000000000000000E-01;+1.000000000000000E+00\n"
    )
    assert b'"A"' in bench.say("DATA:VOL:CAT?")


def test_the_error_queue_holds_20(bench):
    for _ in range(25):
        bench.say("NOPE")
    answers = [bench.error() for _ in range(21)]
    assert answers[19] == b'-350,"Queue overflow"\n'
    assert answers[20] == NO_ERROR


@pytest.mark.parametrize(
    ("setting", "query", "answer"),
    [
        ("BURS:NCYC INF", "BURS:NCYC?", b"+9.900000000000000E+37\n"),
        ("BURS:MODE GAT", "BURS:MODE?", b"GAT\n"),
        ("TRIG2:SOUR BUS", "TRIG2:SOUR?", b"BUS\n"),
        ("FUNC:PULS:WIDT 20NS", "FUNC:PULS:WIDT?", b"+2.000000000000000E-08\n"),
        ("PHAS 90", "PHAS?", b"+9.000000000000000E+01\n"),
        ("FREQ 1.5 MHZ", "FREQ?", b"+1.500000000000000E+06\n"),
    ],
)
def test_settings_of_other_functions_are_kept(bench, setting, query, answer):
    bench.say(setting)
    assert bench.say(query) == answer
    assert bench.error() == NO_ERROR
