"""The group `published` sets what simulators make of experiments beside the papers."""

import qkdlab.plugins
from qkdlab.cli.benchmark_published import published
from qkdlab.plugins import names


def test_the_simulators_offer_it():
    assert "published" in names("qkdlab.benchmarks")


def test_the_baseline_is_what_was_published(monkeypatch):
    row = ("gobby_2004_122km: QBER", 0.0895, "1", "published", 0.089)
    monkeypatch.setattr(qkdlab.plugins, "lookup", lambda *_: lambda _: [row])
    (figure,) = published()
    assert (figure.group, figure.value) == ("published", 0.0895)
    assert (figure.baseline_what, figure.baseline_value) == ("published", 0.089)
