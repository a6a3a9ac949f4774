"""The simulated Thorlabs PM100D, byte by byte."""

import numpy as np
import pytest

from qkdlab_sims.instruments.thorlabs_pm100d import Simulator

MS = 1_000_000_000
DARK_A = 0.4e-9


class Bench:
    def __init__(self, power_w=2e-6, **options):
        options.setdefault("rng", np.random.default_rng(5))
        self.sim = Simulator(**options)
        self.power_w = power_w
        self.intervals = []
        self.sim.light = self.light
        self.machine = self.sim.endpoints["control"]
        self.now_ps = 0

    def light(self, t0_ps, t1_ps, lag_ps):
        self.intervals.append((t0_ps, t1_ps))
        return self.power_w

    def say(self, message):
        self.machine.feed(message.encode() + b"\n", self.now_ps)
        while (wake_ps := self.machine.next_wake_ps()) is not None:
            self.now_ps = max(self.now_ps, wake_ps)
            if answer := self.machine.take(self.now_ps):
                return answer
        return b""

    def watts(self):
        return float(self.say("MEAS:POW?"))


@pytest.fixture
def bench():
    return Bench()


def zeroed(**options):
    bench = Bench(0.0, **options)
    bench.say("SENS:CORR:COLL:ZERO:INIT")
    bench.power_w = options.pop("power_w", 2e-6)
    return bench


def test_it_and_its_sensor_say_who_they_are(bench):
    assert bench.say("*IDN?") == b"THORLABS,PM100D,P0000001,2.7.0\n"
    assert bench.say("SYST:SENS:IDN?") == b"S155C,210101101,05-Oct-2026,1,2,49\n"


def test_sensor_strings_are_quoted_on_newer_consoles():
    bench = Bench(quoted_sensor=True)
    assert bench.say("SYST:SENS:IDN?") == b'"S155C","210101101","05-Oct-2026",1,2,49\n'


def test_the_dark_offset_is_in_the_reading_until_it_is_zeroed():
    bench = Bench(0.0)
    assert bench.watts() == pytest.approx(DARK_A, rel=0.05)
    assert bench.say("SENS:CORR:COLL:ZERO:STAT?") == b"0\n"
    bench.machine.feed(b"SENS:CORR:COLL:ZERO:INIT\n", bench.now_ps)
    bench.machine.feed(b"SENS:CORR:COLL:ZERO:STAT?\n", bench.now_ps)
    assert bench.machine.take(bench.now_ps) == b"1\n"
    bench.now_ps += 2000 * MS
    assert bench.say("SENS:CORR:COLL:ZERO:STAT?") == b"0\n"
    assert float(bench.say("SENS:CORR:COLL:ZERO:MAGN?")) == pytest.approx(
        DARK_A, rel=0.01
    )
    assert abs(bench.watts()) < 0.01 * DARK_A


def test_zeroing_with_light_on_fails_and_says_so(bench):
    bench.say("SENS:CORR:COLL:ZERO")
    assert bench.say("SYST:ERR?").startswith(b"-200")
    assert float(bench.say("SENS:CORR:COLL:ZERO:MAGN?")) == 0


def test_zeroing_can_be_aborted(bench):
    bench.say("SENS:CORR:COLL:ZERO:INIT")
    bench.machine.feed(b"SENS:CORR:COLL:ZERO:INIT\n", bench.now_ps)
    bench.machine.feed(b"SENS:CORR:COLL:ZERO:ABOR\n", bench.now_ps)
    assert bench.say("SENS:CORR:COLL:ZERO:STAT?") == b"0\n"


def test_the_scale_error_is_in_every_reading():
    bench = zeroed(scale_error=0.02)
    assert bench.watts() == pytest.approx(2e-6 * 1.02, rel=5e-4)


def test_a_wrong_wavelength_gives_a_wrong_power(bench):
    true_w = bench.watts()
    bench.say("SENS:CORR:WAV 1310")
    # responsivity 1.00 A/W at 1550 nm, 0.88 A/W at 1310 nm
    assert bench.watts() == pytest.approx(true_w / 0.88, rel=1e-3)


@pytest.mark.parametrize("typed", ["799", "1701", "2 UM"])
def test_wavelengths_outside_the_sensor_are_refused(bench, typed):
    bench.say(f"SENS:CORR:WAV {typed}")
    assert bench.say("SYST:ERR?").startswith(b"-222")


def test_a_reading_takes_3_ms_a_sample_and_sees_the_light_of_that_time(bench):
    bench.say("SENS:AVER 10")
    bench.now_ps = 1000
    bench.watts()
    assert bench.intervals == [(1000, 1000 + 30 * MS)]
    assert bench.now_ps == 1000 + 30 * MS


@pytest.mark.parametrize("average", [1, 25])
def test_averaging_lowers_the_noise_by_its_root(average):
    # noise 2e-5 x 5 uA range = 1e-10 A; 400 readings give its width to 3.5 %
    bench = zeroed()
    bench.say(f"SENS:AVER {average}")
    noise = np.std([bench.watts() for _ in range(400)])
    expected = 1e-10 / np.sqrt(average)
    assert 0.85 * expected < noise < 1.15 * expected


def test_the_noise_belongs_to_the_range(bench):
    bench = zeroed()
    bench.power_w = 2e-3
    noise = np.std([bench.watts() for _ in range(400)])
    assert 0.85e-7 < noise < 1.15e-7


def test_the_noise_of_a_range_that_is_set_is_its_own():
    bench = zeroed()
    bench.say("SENS:POW:RANG MAX")
    noise = np.std([bench.watts() for _ in range(400)])
    assert 0.85e-7 < noise < 1.15e-7


def test_a_reading_over_the_range_is_9_9e37(bench):
    bench.say("SENS:POW:RANG 4E-7")
    assert bench.say("SENS:POW:RANG:AUTO?") == b"0\n"
    assert bench.say("MEAS:POW?") == b"9.90000000E+37\n"
    bench.say("SENS:POW:RANG:AUTO 1")
    assert bench.watts() == pytest.approx(2e-6, rel=1e-3)
    bench.power_w = 6e-3
    assert bench.say("MEAS:POW?") == b"9.90000000E+37\n"


def test_ranges_are_decades_of_current(bench):
    bench.say("SENS:POW:RANG 1E-6")
    assert float(bench.say("SENS:POW:RANG?")) == pytest.approx(5e-6)
    bench.say("SENS:POW:RANG 5E-6")
    assert float(bench.say("SENS:POW:RANG:UPP?")) == pytest.approx(5e-6)
    bench.say("SENS:POW:RANG MIN")
    assert float(bench.say("SENS:POW:RANG?")) == pytest.approx(5e-8)


def test_dbm_are_dbm(bench):
    bench.say("SENS:POW:UNIT DBM")
    assert bench.say("SENS:POW:UNIT?") == b"DBM\n"
    assert float(bench.say("MEAS:POW?")) == pytest.approx(-26.99, abs=0.01)


def test_read_fetch_and_initiate_share_one_measurement(bench):
    first = bench.say("READ?")
    assert bench.say("FETC?") == first
    bench.say("INIT")
    second = bench.say("FETC?")
    assert second != first
    assert len(bench.intervals) == 2


def test_there_is_nothing_to_fetch_before_or_after_an_abort(bench):
    assert bench.say("FETC?") == b""
    assert bench.say("SYST:ERR?").startswith(b"-230")
    bench.say("INIT")
    bench.say("ABOR")
    bench.say("FETC?")
    assert bench.say("SYST:ERR?").startswith(b"-230")


def test_the_current_can_be_measured_too(bench):
    assert float(bench.say("MEAS:CURR?")) == pytest.approx(2e-6, rel=1e-3)
    assert bench.say("CONF?") == b"CURR\n"
    bench.say("CONF:POW")
    assert bench.say("CONF?") == b"POW\n"


def test_a_command_never_answers(bench):
    assert bench.say("SENS:AVER 3") == b""
    assert bench.say("SENS:AVER?") == b"3\n"


@pytest.mark.parametrize("keep", [True, False])
def test_what_becomes_of_an_unread_response_is_an_option(keep):
    bench = Bench(keep_unread=keep)
    bench.machine.feed(b"*IDN?\n", 0)
    bench.machine.feed(b"CONF?\n", 0)
    answer = bench.machine.take(0)
    if keep:
        assert answer == b"THORLABS,PM100D,P0000001,2.7.0\nPOW\n"
    else:
        assert answer == b"POW\n"
        assert bench.say("SYST:ERR?") == b'-410,"Query INTERRUPTED"\n'


def test_a_message_over_240_characters_is_refused(bench):
    bench.say("X" * 300)
    assert bench.say("SYST:ERR?") == b'-363,"Input buffer overrun"\n'


def test_the_loss_correction_raises_the_reading(bench):
    before = bench.watts()
    bench.say("SENS:CORR 10")
    assert bench.watts() == pytest.approx(10 * before, rel=1e-3)
