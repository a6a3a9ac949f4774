from __future__ import annotations

import pytest

from qkdlab.config.load import load_text
from qkdlab.errors import ConfigError

PLATES = "{composite: waveplate_compensator, plates: [%s], retardances_waves: [%s]}"


def problems(text):
    with pytest.raises(ConfigError) as caught:
        load_text(text, "lab.yaml")
    return caught.value.problems


def only(text):
    (line,) = problems(text)
    return line


def with_role(good, role):
    return good.replace("source: {instrument: awg}", f"source: {role}")


def test_a_mistyped_field_of_a_composite_is_found(good):
    line = only(good.replace("tagger: tagger, channels", "taggre: tagger, channels"))
    assert line == (
        "lab.yaml:21:39: parties.bob.roles.receiver.taggre: unknown key 'taggre' "
        "(did you mean 'tagger'?)"
    )


def test_a_mistyped_composite_gets_a_suggestion(good):
    line = only(good.replace("composite: receiver", "composite: reciever"))
    assert "no composite 'reciever' (did you mean 'receiver'?)" in line


def test_a_role_of_a_missing_instrument_gets_a_suggestion(good):
    line = only(with_role(good, "{instrument: agw}"))
    assert line == (
        "lab.yaml:14:28: parties.alice.roles.source.instrument: alice has no "
        "instrument 'agw' (did you mean 'awg'?); there are: awg"
    )


def test_a_composite_of_a_missing_instrument_is_placed_at_its_name(good):
    lines = problems(with_role(good, PLATES % ("awg, plate", "0.25, 0.5")))
    assert "parties.alice.roles.source.plates.1: alice has no instrument" in lines[1]


def test_a_composite_of_an_instrument_that_cannot_play_its_part_is_refused(good):
    line = only(with_role(good, PLATES % ("awg", "0.25")))
    assert line == (
        "lab.yaml:14:59: parties.alice.roles.source.plates.0: 'awg' is no Rotator; its "
        "driver offers: PatternGenerator"
    )


def test_a_composite_may_not_use_the_other_partys_instrument(good):
    line = only(with_role(good, "{composite: transmitter, generator: tagger}"))
    assert "alice has no instrument 'tagger'" in line


def test_plates_and_retardances_must_match(good):
    line = only(with_role(good, PLATES % ("awg", "0.25, 0.5")))
    assert line.endswith("source: give one entry of retardances_waves per plate")


def test_modulators_need_two_channels(good):
    role = "{composite: transmitter, generator: awg, intensity_channel: 2}"
    assert "cannot share one channel" in only(with_role(good, role))


def test_two_channels_cannot_stand_for_one_state(good):
    assert "the same basis and bit" in only(good.replace("1: X1", "1: X0"))


def test_channels_are_numbered_without_a_gap(good):
    assert "without a gap" in only(good.replace("1: X1", "2: X1"))


def test_a_channel_stands_for_a_state(good):
    assert "'X0', 'X1', 'Z0' or 'Z1'" in only(good.replace("1: X1", "1: X2"))
