"""Names of parameters are found in a configuration, or told with what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station_fakes import config, instrument

from qkdlab.errors import UsageError
from qkdlab.station.names import ParameterName, parse_name

BENCH = config(
    {"laser": instrument("laser"), "awg": instrument("awg")},
    {
        "source": {"instrument": "laser"},
        "transmitter": {"composite": "transmitter", "generator": "awg"},
    },
)


def test_a_role_stands_for_its_instrument():
    assert parse_name(BENCH, "alice.source.current_ma") == ParameterName(
        "alice.source.current_ma", "alice", "laser", "current_ma"
    )


def test_an_instrument_may_be_named_itself():
    assert parse_name(BENCH, "alice.laser.current_ma").instrument == "laser"


def test_an_element_of_a_list_has_an_index():
    name = parse_name(BENCH, "alice.laser.bias_ua[2]")
    assert (name.parameter, name.index) == ("bias_ua", 2)


def test_parts_of_an_instrument_have_dots():
    assert parse_name(BENCH, "alice.awg.ch1.output").parameter == "ch1.output"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("alise.laser.x", "no party 'alise' (did you mean 'alice'?); there are alice"),
        ("alice.lazer.x", "'lazer' (did you mean 'laser'?); there are source, laser, "),
        ("alice.transmitter.x", "made of several parts; name one of the instruments"),
        ("alice.laser", "names no parameter; write party.role.parameter"),
        ("alice.laser.x[-1]", "names no parameter"),
        ("", "names no parameter"),
    ],
)
def test_a_wrong_name_is_told(text, told):
    with pytest.raises(UsageError) as caught:
        parse_name(BENCH, text)
    assert told in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_name_or_a_usage_error(text):
    try:
        name = parse_name(BENCH, text)
    except UsageError:
        return
    assert name.text == text
