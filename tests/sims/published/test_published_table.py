"""The table of the documents is that of the code; outcomes know when they agree."""

from dataclasses import replace
from pathlib import Path

import pytest

from qkdlab_sims.published.figures import outcomes, table
from qkdlab_sims.published.outcome import Outcome

DOCUMENT = Path(__file__).parents[3] / "docs" / "published.md"
ONE = Outcome("a", "b", "1", 1.0, 1.2, 0.01, 1.2, 0.17, "none")


def stated(lines):
    """Rows without what the size of a run decides: ours and its deviation."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [(*r[:3], r[5]) for r in rows if len(r) == 6]


def test_the_document_has_every_figure_with_its_published_value_and_cause():
    ours = stated(table(outcomes(scale=1e-9)).splitlines()[2:])
    document = stated(DOCUMENT.read_text("utf-8").splitlines())
    assert set(ours) <= set(document)
    assert len(ours) == len(document) - 2  # the head and its rule


@pytest.mark.parametrize(
    ("change", "agrees"),
    [
        ({}, True),
        ({"within": 0.1}, False),
        ({"within": 0.1, "uncertainty": 0.03}, True),
        ({"within": 0.0, "is_bound": True}, True),
        ({"ours": 0.9, "is_bound": True}, False),
    ],
)
def test_an_outcome_agrees_within_what_is_stated_and_four_deviations(change, agrees):
    assert replace(ONE, **change).agrees is agrees


def test_deviation_is_relative_and_pull_is_in_deviations():
    assert ONE.deviation == pytest.approx(0.2)
    assert replace(ONE, closed_form=1.18).pull == pytest.approx(2.0)
