"""What an experiment asks of the stations is asked before anything is opened."""

from __future__ import annotations

import fake_plugins
import pytest

from qkdlab.config.load import load_text
from qkdlab.errors import ConfigError
from qkdlab.roles.needs import Needs

RECORD = """\
calibration:
  - {party: bob, quantity: %s, value: 1.0, unit: V, uncertainty: 0.1,
     time: "2026-01-01T00:00:00Z", valid_for_s: 60, source: test}
"""


@pytest.fixture
def lines(good, monkeypatch):
    """Return the problems of the good configuration for an experiment with `needs`."""

    def load(text: str = good, **needs: Needs) -> list[str]:
        experiment = fake_plugins.experiment(fake_plugins.Parameters, needs)
        fake_plugins.install(monkeypatch, experiments={"test": experiment})
        try:
            load_text(text, "lab.yaml")
        except ConfigError as error:
            return error.problems
        return []

    return load


@pytest.mark.parametrize("kind", ["receiver", "PatternGenerator"])
def test_a_role_that_is_missing_is_named_with_what_it_must_be(lines, kind):
    (line,) = lines(bob=Needs(roles={"detectors": kind}))
    assert line.startswith("lab.yaml:21:7: parties.bob.roles: ")
    assert "required role 'detectors' is missing" in line
    assert kind in line


def test_roles_of_the_right_kind_are_no_trouble(lines):
    assert not lines(
        alice=Needs(roles={"source": "PatternGenerator"}),
        bob=Needs(roles={"receiver": "receiver"}),
    )


def test_an_instrument_that_cannot_play_the_role_is_refused(lines):
    assert lines(alice=Needs(roles={"source": "Attenuator"})) == [
        "lab.yaml:14:28: parties.alice.roles.source.instrument: the experiment wants "
        "an instrument with role Attenuator here"
    ]


def test_an_instrument_is_no_composite(lines):
    (line,) = lines(alice=Needs(roles={"source": "transmitter"}))
    assert "roles.source.instrument: the experiment wants the composite" in line


@pytest.mark.parametrize("kind", ["transmitter", "TimeTagger"])
def test_a_composite_is_nothing_else(lines, kind):
    (line,) = lines(bob=Needs(roles={"receiver": kind}))
    assert "parties.bob.roles.receiver.composite: the experiment wants" in line


def test_a_record_that_is_missing_is_named(lines):
    assert lines(bob=Needs(records=("v_pi",))) == [
        "lab.yaml:1:1: calibration: no record of bob's 'v_pi'; calibrate it, or add a "
        "record"
    ]


def test_a_record_of_the_other_party_does_not_serve(good, lines):
    assert not lines(good + RECORD % "v_pi", bob=Needs(records=("v_pi",)))
    assert lines(good + RECORD % "v_pi", alice=Needs(records=("v_pi",)))


def test_a_mistyped_record_is_pointed_out(good, lines):
    (line,) = lines(good + RECORD % "vpi", bob=Needs(records=("v_pi",)))
    assert "(there is one of 'vpi')" in line


def test_a_party_without_a_program_is_refused(good, lines):
    text = good.replace("  bob:\n", "  bo:\n")
    assert [line.partition(": ")[2] for line in lines(text)] == [
        "parties: the experiment test wants a station 'bob'",
        "parties.bo: the experiment test has no program for 'bo' (did you mean "
        "'bob'?); it has: alice, bob; a facility station owns a part of the wiring",
    ]


def test_a_party_that_owns_a_part_of_the_wiring_needs_no_program(good, lines):
    party = "  hall:\n    instruments:\n      awg: {driver: fake.awg}\n"
    text = good.replace("parties:\n", "parties:\n" + party)
    assert "no program for 'hall'" in lines(text)[0]
    pad = "    pad: {kind: loss, owner: hall, loss_db: 1.0}\n"
    assert not lines(f"{text}wiring:\n  cables: []\n  parts:\n{pad}")
