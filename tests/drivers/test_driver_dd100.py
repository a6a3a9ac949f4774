"""The OZ Optics DD-100-MC driver on its simulator."""

import pytest
from drivers.mounted import mount
from drivers.role_conformance import AttenuatorConformance, DriverConformance
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import InstrumentError, InstrumentReplyError, UsageError
from qkdlab_drivers.ozoptics.line import read_attenuation, read_figure
from qkdlab_drivers.ozoptics.spec import SPECS
from qkdlab_sims.instruments.oz_dd100 import Simulator

(SPEC,) = SPECS


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**{"homed": True} | sim_options), options, faults)


class TestConformance(DriverConformance, AttenuatorConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_attenuation_db(10.0)

    def truth(self, mounted):
        return mounted.simulator.attenuation_db(mounted.clock.now_ps()), None


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


@pytest.fixture
def lost():
    """A unit that was switched off and on with its path closed."""
    made = []

    def make_one(options=None, **sim_options):
        sim_options = {"homed": False, "initial_attenuation_db": 60.0} | sim_options
        made.append(make(options, **sim_options))
        return made[-1]

    yield make_one
    for mounted in made:
        mounted.driver.close()


def true_db(mounted):
    return mounted.simulator.attenuation_db(mounted.clock.now_ps())


def test_it_takes_its_limits_from_the_unit():
    mounted = make(insertion_loss_db=2.5, max_attenuation_db=40.0)
    mounted.driver.identify()
    capabilities = mounted.driver.attenuator_capabilities()
    assert (capabilities.min_db, capabilities.max_db) == (2.5, 40.0)
    mounted.driver.close()


def test_a_move_takes_its_time(mounted):
    mounted.driver.set_attenuation_db(60.0)
    assert 2.0 < mounted.now_s() < 2.2


def test_a_unit_that_lost_its_place_is_told_and_stays(lost):
    mounted = lost()
    with pytest.raises(InstrumentError, match="does not know where its motor stands"):
        mounted.driver.get_attenuation_db()
    with pytest.raises(InstrumentError, match="home_on_open"):
        mounted.driver.safe_state()
    assert true_db(mounted) == 60.0


def test_nothing_is_homed_unless_told(lost):
    mounted = lost()
    mounted.driver.identify()
    assert true_db(mounted) == 60.0
    assert mounted.heard() == [b"CD\r\n"]


def test_homing_on_opening_finds_the_place_and_goes_where_told(lost):
    mounted = lost({"home_on_open": True, "attenuation_db_on_open": 7.0})
    mounted.driver.identify()
    assert true_db(mounted) == pytest.approx(7.0, abs=0.01)
    assert b"H\r\n" in mounted.heard()


def test_a_unit_that_knows_its_place_is_not_homed_on_opening():
    mounted = make({"home_on_open": True}, initial_attenuation_db=30.0)
    mounted.driver.identify()
    assert b"H\r\n" not in mounted.heard()
    mounted.driver.close()


def test_homing_opens_the_path(lost):
    mounted = lost()
    mounted.driver.home()
    assert true_db(mounted) == 1.2


def test_a_refused_option_does_not_look_like_another_model(lost):
    mounted = lost({"attenuation_db_on_open": 7.0})
    with pytest.raises(InstrumentReplyError, match="Error-2"):
        mounted.driver.identify()


def test_another_unit_on_the_line_is_told(mounted):
    mounted.simulator._configuration = lambda: ["OZ OPTICS TF-100"]
    with pytest.raises(InstrumentError, match="as a DD-100-MC does"):
        mounted.driver.identify()


def test_there_is_no_shutter(mounted):
    assert mounted.driver.get_shutter_open() is True
    with pytest.raises(UsageError, match="has no shutter"):
        mounted.driver.set_shutter_open(False)


@pytest.mark.parametrize(
    "quirk", [{"echo": True}, {"mixed_case": True}, {"done_after_error": False}]
)
def test_units_that_clients_have_met_are_understood(quirk):
    mounted = make(**quirk)
    mounted.driver.identify()
    mounted.driver.set_attenuation_db(20.0)
    assert mounted.driver.attenuation_db() == 20.0
    mounted.driver.close()


@pytest.mark.parametrize("done_after_error", [True, False])
def test_an_error_leaves_nothing_behind_for_the_next_answer(lost, done_after_error):
    mounted = lost(done_after_error=done_after_error)
    with pytest.raises(InstrumentError, match=r"Error-2 \(bad command\) after A10"):
        mounted.driver._go(10.0)
    mounted.driver.home()
    assert mounted.driver.get_attenuation_db() == 1.2


@given(st.floats(0, 100), st.booleans())
def test_every_attenuation_that_units_write_is_read(value_db, mixed_case):
    text = f"Atten:{value_db:.2f}(dB)" if mixed_case else f"ATTEN:{value_db:.2f}"
    assert read_attenuation(["DPos:1", text]) == pytest.approx(value_db, abs=0.0051)


@given(st.lists(st.text(max_size=30), max_size=5))
def test_other_lines_never_pass_for_a_reading(lines):
    lines = [line for line in lines if "atten" not in line.casefold()]
    with pytest.raises(ValueError, match="no attenuation"):
        read_attenuation(lines)
    assert read_figure(lines, "MAX ATTEN") is None
