"""Rules of a receiver that chooses: its clock, its marks, their level."""

from __future__ import annotations

import functools

import pytest

from qkdlab.config.load import load
from qkdlab.wiring.rules import check


@functools.cache
def preset():
    return load("bb84_active")


def found(change, *overrides):
    """Return the messages about the bench with its cables changed."""
    config = load("bb84_active", overrides=overrides) if overrides else preset()
    cables = [cable for old in config.wiring.cables for cable in change(old)]
    wiring = config.wiring.model_copy(update={"cables": cables})
    problems = check(config.model_copy(update={"wiring": wiring}))
    return [problem.message for problem in problems if problem.severity == "error"]


def as_it_is(cable):
    return [cable]


def without(target):
    return lambda cable: [] if cable.target == target else [cable]


def test_the_preset_is_sound():
    assert check(preset()) == []


def test_a_receivers_generator_without_reference_is_refused():
    messages = found(without("bob_board.ref_in"))
    assert any("slide over the pulses" in message for message in messages)


def test_a_receivers_generator_without_marks_is_refused():
    (message,) = found(without("tagger.input3"))
    assert "no tagger sees its marks" in message


@pytest.mark.parametrize(
    ("loss_db", "words"), [(0.0, "takes 1.2 V"), (7.9, None), (12.0, None)]
)
def test_marks_fit_the_taggers_input(loss_db, words):
    def change(cable):
        if cable.target != "tagger.input3":
            return [cable]
        return [cable.model_copy(update={"loss_db": loss_db})]

    messages = found(change)
    assert bool(messages) is (words is not None)
    assert all(words in message for message in messages)


def test_marks_cross_the_trigger_level():
    inputs = "[{}, {}, {trigger_mv: 500}]"
    (message,) = found(
        as_it_is, f"parties.bob.instruments.tagger.options.inputs={inputs}"
    )
    assert "do not cross the trigger level of 0.5 V" in message
