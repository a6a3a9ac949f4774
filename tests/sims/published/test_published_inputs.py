"""Inputs of published experiments come from a file that anyone can change."""

from __future__ import annotations

import pytest

from qkdlab.cli.main import main
from qkdlab.errors import ConfigError
from qkdlab_sims.published import gobby_2004
from qkdlab_sims.published.figures import EXPERIMENTS, figures, outcomes
from qkdlab_sims.published.inputs import PACKAGED, read

ALL = PACKAGED.read_text("utf-8")
GOBBY = ALL[: ALL.index("[lucamarini_2013]")]


@pytest.fixture
def changed(tmp_path):
    def write(*changes, text=ALL):
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        file = tmp_path / "inputs.toml"
        file.write_text(text, "utf-8")
        return file

    return write


def test_the_package_has_inputs_for_every_experiment():
    assert list(read(PACKAGED)) == list(EXPERIMENTS)


def error_rate(found):
    (one,) = (o for o in found if (o.name, o.quantity) == ("gobby_2004_122km", "QBER"))
    return one.closed_form


def test_a_changed_input_changes_what_is_predicted(changed):
    own = changed(text=GOBBY)
    error_rates = [error_rate(outcomes(1e-9, inputs=own))]
    file = changed(("loss_db_per_km = 0.21 ", "loss_db_per_km = 0.25 "), text=GOBBY)
    error_rates.append(error_rate(outcomes(1e-9, inputs=file)))
    # 4.9 dB less light, the same darks
    assert error_rates[0] == pytest.approx(0.0896, abs=2e-4)
    assert error_rates[1] > 0.15


def test_sections_may_be_left_out(tmp_path):
    file = tmp_path / "one.toml"
    file.write_text(ALL[ALL.index("[boaron_2018]") :], "utf-8")
    assert {one.name for one in outcomes(1e-9, inputs=file)} == {
        "boaron_2018_421km",
        "boaron_2018_405km",
    }


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[boaron_2018]", "[boaron_2019]", "no experiment is called 'boaron_2019'"),
        ("receiver = 0.045", "reciever = 0.045", "gobby_2004: no 'receiver'"),
        ("receiver = 0.045", "receiver = 'a'", "gobby_2004.receiver: "),
        ("losses_db = [71.9, 69.2]", "losses_db = [71.9]", "boaron_2018.losses_db"),
        ('name = "honjo_2008_0km"', 'name = "honjo"', "honjo_2008.runs: wanted"),
        ("clock_hz = 2.0e6", "clock_hz = ", "not valid TOML"),
        ("clock_hz = 2.0e6", "clock_hz = nan", "gobby_2004.clock_hz: nan"),
        ("pass_s = 273.0", "pass_s = -1.0", "micius_2017.pass_s: -1"),
        ("losses_db = [71.9,", "losses_db = [inf,", "boaron_2018.losses_db: inf"),
    ],
)
def test_wrong_inputs_are_named(changed, before, after, words):
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        figures(changed((before, after)))


def test_inputs_that_are_no_physics_are_named(tmp_path):
    file = tmp_path / "one.toml"
    text = ALL[ALL.index("[rubenok_2013]") : ALL.index("[micius_2017]")]
    file.write_text(text.replace("efficiency = 0.145 ", "efficiency = 1.45 "), "utf-8")
    with pytest.raises(ConfigError, match="efficiency"):
        figures(file)
    file.write_text(GOBBY.replace("clock_hz = 2.0e6", "clock_hz = 0.0"), "utf-8")
    with pytest.raises(ConfigError, match="division by zero"):
        figures(file)


def test_the_dataclasses_have_no_values_of_their_own():
    with pytest.raises(TypeError):
        gobby_2004.Gobby2004()  # type: ignore[call-arg]


@pytest.mark.parametrize("groups", [[], ["start"], ["published", "start"]])
def test_inputs_go_with_published_experiments_alone(groups, capsys):
    assert main(["benchmark", *groups, "--inputs", str(PACKAGED)]) == 1
    assert "'published' alone" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(capsys):
    assert main(["benchmark", "published", "--inputs", "nowhere.toml"]) == 1
    assert "nowhere.toml" in capsys.readouterr().err
