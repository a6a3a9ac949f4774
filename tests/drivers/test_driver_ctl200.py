"""The CTL200 driver on its simulator, and its reading of the terminal."""

import pytest
from drivers.mounted import mount
from drivers.role_conformance import DriverConformance
from drivers.role_conformance_sources import LaserDriverConformance
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab_drivers.koheron.line import answer_of
from qkdlab_drivers.koheron.spec import SPECS
from qkdlab_sims.instruments.koheron_ctl200 import Simulator

(SPEC,) = SPECS
LIMIT_MA = 60.0
LATER_PS = 10**12


def make(options=None, faults=(), **sim_options):
    options = {"current_limit_ma": LIMIT_MA} | (options or {})
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, LaserDriverConformance):
    spec = SPEC
    limit_ma = LIMIT_MA

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_current_limit_ma(20.0)

    def laser(self, mounted):
        later_ps = mounted.clock.now_ps() + LATER_PS
        sim = mounted.simulator
        return sim.current_ma(later_ps), sim.thermistor_ohm(later_ps)


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def warm(mounted):
    mounted.driver.set_cooler_on(True)
    mounted.driver.set_thermistor_ohm(10_000.0)


def heard(mounted):
    return b"".join(mounted.heard()).decode().split("\r\n")


def test_the_limit_is_written_and_read_back_before_the_laser_goes_on(mounted):
    warm(mounted)
    mounted.driver.set_laser_on(True)
    said = heard(mounted)
    assert said.index("ilmax 60.000") < said.index("ilmax") < said.index("lason 1")


def test_a_limit_that_is_not_kept_is_told(mounted):
    mounted.simulator.source.set_limit_ma = lambda value_ma, now_ps: None
    warm(mounted)
    with pytest.raises(InstrumentError, match="took 200 mA instead of 60 mA"):
        mounted.driver.set_laser_on(True)
    assert mounted.driver.get_laser_on() is False


def test_the_driver_itself_asks_for_the_cooler():
    mounted = make(needs_cooler=False)
    with pytest.raises(InstrumentError, match="cooler switched off"):
        mounted.driver.set_laser_on(True)
    assert "lason 1" not in heard(mounted)
    mounted.driver.close()


def test_the_laser_stays_off_while_the_temperature_is_not_there(mounted):
    warm(mounted)
    mounted.simulator.machine.feed(b"rtset 15000\r\n", mounted.clock.now_ps())
    with pytest.raises(InstrumentError, match="Ohm from its temperature, more than"):
        mounted.driver.set_laser_on(True)
    assert "lason 1" not in heard(mounted)


def test_the_current_flows_when_switching_returns(mounted):
    warm(mounted)
    mounted.driver.set_current_ma(12.5)
    mounted.simulator.machine.feed(b"ldelay 3000\r\n", mounted.clock.now_ps())
    mounted.driver.set_laser_on(True)
    now_ps = mounted.clock.now_ps()
    assert mounted.simulator.current_ma(now_ps) == pytest.approx(12.5)


def test_an_open_interlock_is_told_in_words(mounted):
    warm(mounted)
    mounted.simulator.set_interlock(False, mounted.clock.now_ps())
    with pytest.raises(InstrumentError, match="on while the interlock is open"):
        mounted.driver.set_laser_on(True)


def test_a_temperature_that_never_comes_is_told(mounted):
    mounted.driver.set_cooler_on(True)
    mounted.simulator.machine.feed(b"vtmin 0\r\n", mounted.clock.now_ps())
    with pytest.raises(InstrumentTimeout, match=r"is still \d+ Ohm from .* after 60 s"):
        mounted.driver.set_thermistor_ohm(15_000.0)


def test_the_temperature_cannot_be_awaited_without_cooler(mounted):
    with pytest.raises(InstrumentError, match="cooler switched off"):
        mounted.driver.set_thermistor_ohm(9_000.0)


def test_the_options_for_opening_are_written_when_it_is_identified():
    mounted = make({"thermistor_ohm_on_open": 9_500.0, "cooler_on_open": True})
    mounted.driver.identify()
    assert mounted.simulator.cooler.on
    assert mounted.simulator.cooler.set_ohm == 9_500.0
    mounted.driver.close()


def test_without_options_opening_only_asks(mounted):
    mounted.driver.identify()
    assert heard(mounted) == ["model", "serial", "version", ""]


def test_nothing_is_written_to_another_model():
    mounted = make({"cooler_on_open": True})
    mounted.simulator._identity["model"] = "DRV300"
    with pytest.raises(InstrumentError, match="found DRV300 instead of Koheron CTL200"):
        mounted.driver.identify()
    assert heard(mounted) == ["model", ""]
    mounted.driver.close()


def test_safe_state_gets_through_what_broke_off(mounted):
    warm(mounted)
    mounted.driver.set_current_ma(5.0)
    mounted.driver.set_laser_on(True)
    mounted.simulator.machine.feed(b"ilas", mounted.clock.now_ps())
    mounted.driver.safe_state()
    assert mounted.simulator.current_ma(mounted.clock.now_ps()) == 0.0


def test_a_late_answer_is_not_taken_for_the_next_one(mounted):
    mounted.simulator.machine.feed(b"ilmax\r\n", 0)
    assert mounted.driver.get_current_ma() == 0.0


def test_an_unknown_command_is_told(mounted):
    with pytest.raises(InstrumentError, match="does not know nonsense"):
        mounted.driver.line.ask("nonsense 1")


def test_an_answer_without_number_is_strange(mounted):
    mounted.simulator.photodiode_ma = lambda now_ps: float("nan")
    with pytest.raises(InstrumentReplyError, match="answered 'nan' to iphd"):
        mounted.driver.get_photodiode_ma()


def test_parameters_reach_the_instrument(mounted):
    driver = mounted.driver
    driver.cooler_on(True)
    driver.thermistor_ohm(10_200.0)
    driver.current_ma(8.0)
    driver.laser_on(True)
    assert driver.cooler_on() is True
    assert driver.thermistor_ohm() == pytest.approx(10_200.0, abs=60.0)
    assert driver.current_ma() == 8.0
    assert driver.laser_on() is True
    mounted.simulator.photodiode_ma = lambda now_ps: 0.125
    assert driver.photodiode_ma() == 0.125
    assert driver.cooler_current_a() < 0
    assert driver.board_temperature_c() > 0


PIECES = st.lists(
    st.sampled_from([b"ilaser", b"\r\n", b"5.000", b"\x00", b">>", b"\xff", b"laser"]),
    max_size=8,
).map(b"".join)


@given(PIECES)
def test_an_answer_is_only_taken_after_the_right_echo(heard_bytes):
    answer = answer_of("ilaser", heard_bytes)
    if answer is not None:
        lines = heard_bytes.replace(b"\x00", b"").decode("ascii").split("\r\n")
        assert [line for line in lines if line] == ["ilaser", answer]


@given(st.text("0123456789.-+e vCTL", min_size=1).map(str.strip).filter(bool))
def test_a_right_answer_is_taken_whatever_strays_in(value):
    heard_bytes = f"\r\n\x00ilaser\r\n{value}\x00\r\n".encode()
    assert answer_of("ilaser", heard_bytes) == value
