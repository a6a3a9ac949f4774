"""Parameters of real drivers on simulators: found, checked, read and set."""

import pytest
from drivers.mounted import mount
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import InstrumentError, InstrumentTimeout, UsageError
from qkdlab.plugins import driver_spec
from qkdlab.station.names import ParameterName
from qkdlab.station.parameters import find_parameter
from qkdlab_sims.instruments import hp_8156a, keysight_33622a, singlequantum_websq
from qkdlab_sims.instruments.koheron_ctl200 import Simulator as Ctl200
from qkdlab_sims.instruments.oz_dd100 import Simulator as Dd100
from qkdlab_sims.instruments.srs_dg645 import Simulator as Dg645


class Handle:
    """An instrument whose parameters are found by name."""

    def __init__(self, driver, simulator, options=None, faults=()):
        self.mounted = mount(driver_spec(driver), simulator, options, faults)

    def __getitem__(self, text):
        name, _, index = text.partition("[")
        whole = ParameterName(
            f"alice.it.{text}",
            "alice",
            "it",
            name,
            int(index.rstrip("]")) if index else None,
        )
        return find_parameter(self.mounted.driver, whole)


@pytest.fixture
def make():
    made = []

    def make_one(driver, simulator, **more):
        made.append(Handle(driver, simulator, **more))
        return made[-1]

    yield make_one
    for handle in made:
        handle.mounted.driver.close()


@pytest.fixture
def attenuator(make):
    return make("hp.8156a", hp_8156a.Simulator())


@pytest.fixture
def websq(make):
    return make("singlequantum.websq", singlequantum_websq.Simulator(n_detectors=4))


def test_a_parameter_is_set_and_asked_with_its_unit(attenuator):
    parameter = attenuator["attenuation_db"]
    parameter.set(parameter.parse("12.5"))
    assert parameter.get() == 12.5
    assert parameter.unit == "dB"


@pytest.mark.parametrize("text", ["99", "-1", "nan", "inf", "on", "much", "1,2"])
def test_a_value_that_is_not_allowed_is_told_before_anything_is_sent(attenuator, text):
    with pytest.raises(UsageError, match=r"not allowed: Numbers 0\.0<=v<=60\.0"):
        attenuator["attenuation_db"].parse(text)
    assert attenuator.mounted.heard() == []


@pytest.mark.parametrize(("text", "value"), [("on", True), ("False", False)])
def test_switches_are_words(attenuator, text, value):
    assert attenuator["shutter_open"].parse(text) is value


def test_a_switch_is_no_number(attenuator):
    with pytest.raises(UsageError, match="Boolean"):
        attenuator["shutter_open"].parse("1")


def test_unknown_parameters_come_with_a_suggestion_and_all_names(attenuator):
    with pytest.raises(UsageError) as caught:
        attenuator["atenuation_db"]
    told = str(caught.value)
    assert "(did you mean 'attenuation_db'?)" in told
    assert "there are attenuation_db, shutter_open, wavelength_nm" in told


def test_lists_are_set_whole_and_by_element(websq):
    bias = websq["bias_ua"]
    bias.set(bias.parse("1,2.5,3,4"))
    websq["bias_ua[2]"].set(7.0)
    assert bias.get() == [1.0, 2.5, 7.0, 4.0]
    assert websq["bias_ua[2]"].get() == 7.0


def test_an_element_that_does_not_exist_is_told(websq):
    with pytest.raises(UsageError, match=r"bias_ua\[4\]: no such element"):
        websq["bias_ua[4]"].get()


def test_an_element_of_what_is_no_list_is_told(attenuator):
    with pytest.raises(UsageError, match="no such element"):
        attenuator["attenuation_db[0]"].get()


def test_elements_are_checked_like_the_whole(websq):
    with pytest.raises(UsageError, match="is not allowed"):
        websq["bias_ua[0]"].parse("1000")


def test_what_is_only_read_cannot_be_set(websq):
    with pytest.raises(UsageError, match="voltages_mv: can be read, but not set"):
        websq["voltages_mv"].set(1.0)


def test_parts_of_an_instrument_have_parameters(make):
    awg = make("keysight.33622a", keysight_33622a.Simulator())
    awg["ch2.output"].set(True)
    assert awg["ch2.output"].get() is True


@pytest.fixture
def laser(make):
    return make("koheron.ctl200", Ctl200(), options={"current_limit_ma": 60.0})


def test_methods_of_the_role_are_parameters_with_a_unit(laser):
    limit = laser["current_limit_ma"]
    limit.set(limit.parse("50"))
    assert limit.get() == pytest.approx(50.0)
    assert limit.unit == "mA"
    assert laser["photodiode_ma"].get() == pytest.approx(0.0, abs=0.1)
    with pytest.raises(UsageError, match="can be read, but not set"):
        laser["photodiode_ma"].set(1.0)


@pytest.mark.parametrize("text", ["on", "many", "1,2"])
def test_arguments_of_methods_are_checked_by_their_type(laser, text):
    with pytest.raises(UsageError, match="is not allowed: a number"):
        laser["current_limit_ma"].parse(text)


def test_errors_of_the_instrument_come_through_in_its_own_words(make):
    lost = make("ozoptics.dd100", Dd100(homed=False))
    with pytest.raises(InstrumentError) as caught:
        lost["attenuation_db"].get()
    assert str(caught.value).endswith("(option home_on_open)")


def test_a_silent_instrument_is_told(make):
    silent = make("hp.8156a", hp_8156a.Simulator(), faults=[{"kind": "silent"}])
    with pytest.raises(InstrumentTimeout) as caught:
        silent["attenuation_db"].get()
    assert str(caught.value).count("no answer") == 1


def test_whole_numbers_are_made_where_they_must_be(make):
    delay = make("srs.dg645", Dg645())
    assert delay["ab_delay_ps"].number(1000.4) == 1000
    assert isinstance(delay["ab_delay_ps"].number(1000.4), int)
    with pytest.raises(UsageError, match="is not allowed"):
        delay["ab_delay_ps"].number(-1.0)


@given(st.text(max_size=20))
def test_any_text_is_a_value_in_range_or_a_usage_error(text):
    handle = Handle("hp.8156a", hp_8156a.Simulator())
    try:
        value = handle["attenuation_db"].parse(text)
    except UsageError:
        return
    finally:
        handle.mounted.driver.close()
    assert 0 <= value <= 60
