"""The simulated FPGA transmitter, byte by byte as docs/fpga-transmitter.md has it."""

import zlib

import numpy as np
import pytest

from qkdlab_sims.instruments.open_fpga_transmitter import Simulator

NO_ERROR = b'+0,"No error"\n'
KEY = b"\n#2;\"'" + bytes(10)  # what could end a message, were it no block


class Bench:
    def __init__(self, **options):
        self.sim = Simulator(start_phase_ps=lambda: 250, **options)
        self.machine = self.sim.endpoints["control"]
        self.now_ps = 30_000_000_000
        self.changes = []
        self.sim.on_change = self.changes.append

    def say(self, message, data=None):
        raw = message.encode("ascii")
        if data is not None:
            digits = str(len(data))
            raw += f" #{len(digits)}{digits}".encode() + data
        self.machine.feed(raw + b"\n", self.now_ps)
        return self.machine.take(self.now_ps)

    def error(self):
        return self.say("SYST:ERR?")

    def load(self):
        self.say("TABL:SHAR 16384,16384")
        codes = np.stack([np.arange(256) * 64, np.arange(256) * -64], axis=1)
        self.say("TABL:LEV", codes.astype("<i2").tobytes())
        self.say("MODE COUN")
        assert self.error() == NO_ERROR

    def start(self):
        self.load()
        self.say("GEN:KEY", KEY)
        self.say("OUTP ON;:INIT")
        assert self.error() == NO_ERROR


@pytest.fixture
def bench():
    return Bench()


def test_it_says_who_it_is(bench):
    assert bench.say("*IDN?") == b"qkdlab,FPGA-TRANSMITTER,000001,1.0\n"
    assert bench.say("SYST:VERS?") == b"1.0\n"


def test_it_powers_up_dark_and_without_key(bench):
    answers = bench.say("OUTP?;:MODE?;:STAT?;:GEN:KEY:STAT?;:TRIG:SOUR?;:COUN:PULS?")
    assert answers == b"0;PATT;IDLE;NONE;IMM;0\n"
    assert not bench.sim.output(1).enabled
    assert bench.sim.counter() is None


def test_a_key_may_hold_any_bytes_and_cannot_be_read(bench):
    bench.load()
    bench.say("GEN:KEY", KEY)
    assert bench.say("GENERATOR:KEY:STATE?") == b"LOAD\n"
    assert bench.say("GEN:KEY?") == b""
    assert bench.error() == b'-113,"Undefined header"\n'
    bench.say("OUTP ON;:INIT")
    assert bench.sim.counter().key == KEY


def test_a_key_of_another_length_leaves_none(bench):
    bench.say("GEN:KEY", KEY)
    bench.say("GEN:KEY", KEY[:12])
    assert bench.error() == b'-161,"Invalid block data"\n'
    assert bench.say("GEN:KEY:STAT?") == b"NONE\n"


def test_checksums_are_those_of_the_bytes_sent(bench):
    data = bytes(range(255, -1, -1))
    bench.say("PATT:DATA", data)
    crc = b"%d" % zlib.crc32(data)
    assert bench.say("PATT:CHEC?;POIN?") == crc + b";64\n"
    assert bench.say("TABL:LEV:CHEC?") == b"0\n"
    bench.say("TABL:LEV", 4 * data)
    assert bench.say("TABL:LEV:CHEC?") == b"%d\n" % zlib.crc32(4 * data)


def test_shares_are_kept_as_told(bench):
    assert bench.say("TABL:SHAR?") == b"0\n"
    bench.say("TABL:SHAR 11469,1966,8192,1311,8192,1638")
    assert bench.say("TABL:SHAR?") == b"11469,1966,8192,1311,8192,1638\n"


@pytest.mark.parametrize(
    ("marker", "grid_ps"),
    [(65536, 65_536_000), (2**18, 2**18 * 1000), (1024, 65_536_000)],
)
def test_pulse_zero_comes_on_a_point_of_the_markers_grid(bench, marker, grid_ps):
    bench.say(f"MARK:PER {marker}")
    bench.start()
    start_ps = bench.sim.counter().start_ps
    assert start_ps % grid_ps == 0
    assert 1_000_000 <= start_ps - bench.now_ps < 1_000_000 + grid_ps
    assert bench.say("STAT?;:COUN:PULS?") == b"RUN;0\n"
    bench.now_ps = start_ps + 10_000_000
    assert bench.say("COUN:PULS?") == b"10000\n"
    assert bench.sim.sync_period_ps() == marker * 1000


def test_a_pattern_begins_a_microsecond_after_the_trigger_on_an_edge_of_the_clock(
    bench,
):
    bench.say("PATT:DATA", bytes(160))
    bench.say("OUTP ON;:INIT")
    assert bench.sim.output(1).start_ps == bench.now_ps + 1_000_250


def test_the_bus_trigger_starts_an_armed_board(bench):
    bench.load()
    bench.say("TRIG:SOUR BUS")
    bench.say("GEN:KEY", KEY)
    bench.say("OUTP ON;:INIT")
    assert bench.say("STAT?") == b"ARM\n"
    assert bench.sim.counter() is None
    bench.say("*TRG")
    assert bench.say("STAT?") == b"RUN\n"


def test_an_edge_starts_a_board_armed_for_it(bench):
    bench.load()
    bench.say("TRIG:SOUR EXT")
    bench.say("GEN:KEY", KEY)
    bench.say("OUTP ON;:INIT")
    assert bench.sim.counter() is None
    bench.sim.trigger(bench.now_ps + 7)
    assert bench.sim.counter().start_ps >= bench.now_ps + 7 + 1_000_000


def test_a_trigger_that_nothing_waits_for_is_ignored(bench):
    bench.say("*TRG")
    assert bench.error() == b'-211,"Trigger ignored"\n'


@pytest.mark.parametrize(
    "command", ["CLOC:RATE 1e9", "MODE PATT", "GEN:KEY:ERAS", "MARK:PER 1024", "INIT"]
)
def test_nothing_is_set_while_it_runs(bench, command):
    bench.start()
    bench.say(command)
    assert bench.error() == b'+303,"Not while armed or running"\n'
    assert bench.say("STAT?") == b"RUN\n"


def test_abort_ends_the_run_erases_the_key_and_keeps_the_count(bench):
    bench.start()
    bench.now_ps = bench.sim.counter().start_ps + 3_000_000
    bench.say("ABOR")
    bench.now_ps += 10**9
    answers = bench.say("STAT?;:GEN:KEY:STAT?;:COUN:PULS?")
    assert answers == b"IDLE;NONE;3000\n"


def test_reset_forgets_everything(bench):
    bench.start()
    bench.say("*RST")
    answers = bench.say("STAT?;:GEN:KEY:STAT?;:OUTP?;:TABL:LEV:CHEC?;:MARK:PER?")
    assert answers == b"IDLE;NONE;0;0;65536\n"
    assert bench.changes


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("CLOC:RATE 2e9", b"-222"),
        ("CLOC:RATE 3e8", b"-224"),
        ("MARK:PER 1000", b"-222"),
        ("MARK:PER 1025", b"-224"),
        ("MODE FAST", b"-224"),
        ("GEN:ALG DES", b"-224"),
        ("GEN:KEY 12", b"-104"),
        ("TABL:SHAR 1,2", b"-224"),
        ("TABL:SHAR -1,32769", b"-222"),
        ("GEN:NONC 1", b"-104"),
        ("INIT", b"+304"),
        ("MODE COUN;:INIT", b"+305"),
    ],
)
def test_what_is_wrong_has_its_number(bench, command, error):
    bench.say(command)
    assert bench.error().startswith(error)


def test_it_locks_twenty_milliseconds_after_the_power_came():
    bench = Bench()
    bench.now_ps = 19_000_000_000
    assert bench.say("ROSC:LOCK?") == b"0\n"
    bench.load()
    bench.say("GEN:KEY", KEY)
    bench.say("INIT")
    assert bench.error() == b'+301,"Reference not locked"\n'
    bench.now_ps = 20_000_000_000
    assert bench.say("ROSC:LOCK?") == b"1\n"


def test_a_pattern_plays_with_its_own_marker(bench):
    codes = np.zeros((40, 2), "<i2")
    codes[:, 0], codes[:, 1] = 16384, -8192
    bench.say("PATT:DATA", codes.tobytes())
    bench.say("CLOC:RATE 5e8;:OUTP ON;:INIT")
    assert bench.error() == NO_ERROR
    out = bench.sim.output(1)
    assert out.enabled
    np.testing.assert_allclose(out.volts, 16384 / 32767 * 2)
    np.testing.assert_allclose(bench.sim.output(2).volts, -8192 / 32767 * 2)
    assert bench.sim.sync_period_ps() == 80_000
