"""The simulated SRS DG645, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.srs import SrsError
from qkdlab_sims.instruments.srs_dg645 import Simulator
from qkdlab_sims.instruments.srs_dg645.edges import RESOLUTION_PS, Edges

S = 10**12


class Bench:
    def __init__(self, **options):
        self.sim = Simulator(**options)
        self.changes = []
        self.sim.on_change = self.changes.append

    def say(self, message, now_ps=0):
        self.sim.machine.feed(message.encode() + b"\n", now_ps)
        return self.sim.machine.take(now_ps).decode()

    def errors(self):
        found = []
        while (code := int(self.say("LERR?"))) != 0:
            found.append(code)
        return found


@pytest.fixture
def bench():
    return Bench()


def test_it_says_who_it_is():
    assert Bench(serial="004711").say("*IDN?") == (
        "Stanford Research Systems,DG645,s/n004711,ver1.00.10E\r\n"
    )


@pytest.mark.parametrize("query", ["DLAY?3", "DLAY? 3", "dlay ? 3", "  DLAY?3 "])
def test_a_blank_before_the_first_parameter_may_be_left_out(bench, query):
    bench.say("DLAY3,0,1.5e-6")
    assert bench.say(query) == "0,+0.000001500000\r\n"


def test_commands_of_one_line_are_parted_by_semicolons(bench):
    assert bench.say("LAMP 1,1;LAMP?1;LOFF?1") == "1.00\r\n+0.00\r\n"


def test_lines_may_be_split_anywhere(bench):
    for byte in b"TLVL 0.5\r\nTLVL?\r\n":
        bench.sim.machine.feed(bytes([byte]), 0)
    assert bench.sim.machine.take(0) == b"+0.50\r\n"


def test_power_comes_on_with_outputs_of_two_and_a_half_volts(bench):
    pulse = bench.sim.pulse("AB")
    assert (pulse.amplitude_v, pulse.offset_v, pulse.width_ps) == (2.5, 0.0, 0)
    assert bench.sim.trigger_source() == "single shot"
    assert bench.say("*ESR?") == "128\r\n"


def test_a_pulse_leaves_after_the_insertion_delay():
    bench = Bench(insertion_delay_ps=84_000)
    bench.say("DLAY 2,0,1e-6;DLAY 3,2,1e-7")
    pulse = bench.sim.pulse("AB")
    assert (pulse.delay_ps, pulse.width_ps) == (1_084_000, 100_000)


def test_edges_in_the_other_order_make_the_same_pulse(bench):
    bench.say("DLAY 2,0,3e-6;DLAY 3,0,1e-6")
    pulse = bench.sim.pulse("AB")
    assert (pulse.delay_ps - 85_000, pulse.width_ps) == (1_000_000, 2_000_000)


def test_linked_edges_move_together(bench):
    bench.say("DLAY 2,0,1e-6;DLAY 3,2,1e-7;DLAY 2,0,2e-6")
    assert bench.sim.pulse("AB").width_ps == 100_000
    bench.say("LINK 3,0")
    assert bench.say("DLAY?3") == "0,+0.000002100000\r\n"
    assert bench.say("LINK?3") == "0\r\n"


def test_t0_lasts_until_the_last_edge_is_past(bench):
    bench.say("DLAY 9,0,5e-6")
    assert bench.sim.pulse("T0").width_ps > 5_000_000
    assert bench.say("DLAY?1") == "0,+0.000005000000\r\n"


def test_the_crystal_stretches_delays_until_a_reference_comes():
    bench = Bench(timebase_ppm=5.0)
    bench.say("DLAY 2,0,1e-3;DLAY 3,2,1e-3")
    assert bench.sim.pulse("AB").delay_ps == 85_000 + 1_000_005_000
    assert bench.say("TIMB?") == "0\r\n"
    bench.sim.reference_present = True
    assert bench.sim.pulse("AB").delay_ps == 85_000 + 1_000_000_000
    assert bench.say("TIMB?") == "3\r\n"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("X", 110),
        ("NOPE", 111),
        ("NOPE?", 111),
        ("*RST?", 112),
        ("INSR 1", 113),
        ("LAMP 1,", 114),
        ("LAMP 1,2,3", 115),
        ("LAMP 1", 116),
        ("LAMP 1,x", 118),
        ("LAMP 1,1e999", 118),
        ("TSRC 1.5", 120),
        ("TSRC 7", 10),
        ("LAMP 5,1", 10),
        ("LAMP 1,5.01", 10),
        ("LOFF 1,2.01", 10),
        ("DLAY 0,0,1", 10),
        ("DLAY 2,0,-5e-12", 12),
        ("DLAY 2,0,2000.1", 12),
        ("DLAY 2,2,0", 13),
        ("LINK 2,2", 13),
        ("DLAY 2,1,0", 13),
        ("*RCL 4", 14),
        ("\xb5SRC 1", 126),
    ],
)
def test_errors_have_the_numbers_of_the_manual(bench, message, code):
    bench.sim.machine.feed(message.encode("latin-1") + b"\n", 0)
    assert bench.sim.machine.take(0) == b""
    assert bench.errors() == [code]


def test_a_refused_command_changes_nothing(bench):
    bench.say("LOFF 1,2")
    bench.say("LAMP 1,4.5")
    assert bench.errors() == [10]
    assert bench.say("LAMP?1") == "2.50\r\n"


def test_links_in_a_circle_are_refused(bench):
    bench.say("DLAY 3,2,0")
    bench.say("DLAY 2,3,0")
    assert bench.errors() == [13]
    assert bench.say("LINK?2") == "0\r\n"


def test_the_queue_of_errors_ends_with_too_many(bench):
    for _ in range(25):
        bench.say("NOPE")
    assert bench.errors() == [111] * 19 + [254]


def test_cls_forgets_errors_and_events(bench):
    bench.say("NOPE")
    bench.say("*CLS")
    assert bench.errors() == []
    assert bench.say("*ESR?") == "0\r\n"


@pytest.mark.parametrize(("message", "bit"), [("NOPE", 32), ("TSRC 9", 16)])
def test_errors_show_in_the_event_register(bench, message, bit):
    bench.say("*CLS")
    bench.say(message)
    bench.say("*ESE 255")
    assert int(bench.say("*STB?")) & 32
    assert int(bench.say("*ESR?")) == bit


def test_triggers_show_in_the_instrument_register_once(bench):
    bench.say("TSRC 1")
    bench.sim.trigger_rate = lambda now_ps: 1250.0
    bench.say("INSR?")
    assert int(bench.say("INSR?", S)) & 1
    assert int(bench.say("INSR?", S)) == 0


def test_no_trigger_counts_that_comes_between_two_looks_too_close(bench):
    bench.say("TSRC 1")
    bench.sim.trigger_rate = lambda now_ps: 1.0
    bench.say("INSR?", S // 4)
    assert int(bench.say("INSR?", S // 2)) == 0
    assert int(bench.say("INSR?", S)) & 1


@pytest.mark.parametrize("source", ["TSRC 0", "TSRC 5"])
def test_external_triggers_count_for_an_external_source_only(bench, source):
    bench.say(f"{source};TRAT 1e-4")
    bench.sim.trigger_rate = lambda now_ps: 1250.0
    assert int(bench.say("INSR?", S)) == 0


@pytest.mark.parametrize(("delay", "too_fast"), [("79e-5", 0), ("80e-5", 2)])
def test_triggers_during_a_cycle_are_rate_errors(bench, delay, too_fast):
    bench.say(f"TSRC 1;DLAY 2,0,{delay}")
    bench.sim.trigger_rate = lambda now_ps: 1250.0
    assert int(bench.say("INSR?", S)) & 2 == too_fast


def test_ten_megahertz_is_the_fastest_trigger(bench):
    bench.say("TSRC 1")
    bench.sim.trigger_rate = lambda now_ps: 1.0e7
    assert int(bench.say("INSR?", S)) & 2 == 0
    bench.sim.trigger_rate = lambda now_ps: 1.01e7
    assert int(bench.say("INSR?", 2 * S)) & 2 == 2


def test_a_single_external_trigger_must_be_armed(bench):
    bench.say("TSRC 3")
    bench.sim.trigger_rate = lambda now_ps: 1250.0
    assert int(bench.say("INSR?", S)) == 0
    bench.say("*TRG", S)
    assert int(bench.say("INSR?", 2 * S)) & 1
    assert int(bench.say("INSR?", 3 * S)) == 0


def test_a_single_shot_triggers_by_command(bench):
    bench.say("*TRG")
    assert int(bench.say("INSR?")) & 1
    bench.say("TSRC 1;*TRG")
    assert bench.errors() == [11]


def test_settings_can_be_saved_and_recalled(bench):
    bench.say("LAMP 1,1;DLAY 2,0,1e-6;*SAV 3;*RST")
    assert bench.sim.pulse("AB").amplitude_v == 2.5
    bench.say("*RCL 3")
    assert bench.sim.pulse("AB").amplitude_v == 1.0
    assert bench.say("DLAY?2") == "0,+0.000001000000\r\n"


def test_the_world_hears_of_each_change_and_of_no_question(bench):
    bench.say("DLAY 2,0,1e-6", 17)
    bench.say("DLAY?2", 18)
    bench.say("NOPE", 19)
    assert bench.changes == [17]


def test_steps_go_up_and_down(bench):
    bench.say("SSDL 2,1e-9;SPDL 2,1;SPDL 2,1;SPDL 2,0")
    assert bench.say("DLAY?2") == "0,+0.000000001000\r\n"


@given(
    st.lists(
        st.tuples(
            st.integers(2, 9), st.integers(0, 9), st.integers(-(10**13), 3 * 10**15)
        ),
        max_size=20,
    )
)
def test_edges_stay_within_their_limits_whatever_is_asked(asked):
    edges = Edges()
    for edge, reference, delay_ps in asked:
        try:
            edges.set(edge, reference, delay_ps)
        except SrsError:
            continue
        before_ps = edges.after_t0_ps(reference)
        assert abs(edges.after_t0_ps(edge) - before_ps - delay_ps) <= RESOLUTION_PS
    for edge in range(2, 10):
        assert 0 <= edges.after_t0_ps(edge) <= 2000 * S
        assert edges.after_t0_ps(edge) % RESOLUTION_PS == 0


@given(st.binary(max_size=60))
def test_any_bytes_leave_it_alive(data):
    bench = Bench()
    bench.sim.machine.feed(data + b"\n", 0)
    bench.sim.machine.take(0)
    assert bench.say("*IDN?").startswith("Stanford")


@given(st.binary(max_size=40), st.integers(0, 40))
def test_splits_of_the_stream_change_nothing(data, at):
    whole, parts = Bench(), Bench()
    data += b"\nDLAY 2,0,1e-6\nDLAY?2\nLERR?\n"
    whole.sim.machine.feed(data, 0)
    parts.sim.machine.feed(data[:at], 0)
    parts.sim.machine.feed(data[at:], 0)
    assert whole.sim.machine.take(0) == parts.sim.machine.take(0)
