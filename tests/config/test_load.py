from __future__ import annotations

import json
import subprocess
import sys

import fake_plugins
import pytest

from qkdlab.config.load import load, load_text
from qkdlab.errors import ConfigError, ResourceError


def problems(text, *overrides, **kwargs):
    with pytest.raises(ConfigError) as caught:
        load_text(text, "lab.yaml", overrides=overrides, **kwargs)
    return caught.value.problems


def only(text, *overrides, **kwargs):
    (line,) = problems(text, *overrides, **kwargs)
    return line


def test_a_good_configuration_loads(good):
    config = load_text(good, "lab.yaml")
    assert config.parameters.duration_s == 0.5
    assert config.parties["bob"].instruments["tagger"].options.n_inputs == 4


def test_defaults_are_filled_in(good):
    config = load_text(good, "lab.yaml")
    assert config.parties["alice"].instruments["awg"].options.filter == "STEP"
    assert config.seed is None


def test_a_composites_fields_are_kept_with_text_keys(good):
    role = load_text(good, "lab.yaml").parties["bob"].roles["receiver"]
    assert role.model_extra == {"tagger": "tagger", "channels": {"0": "X0", "1": "X1"}}


def test_a_section_is_checked_by_its_plugin(good):
    section = load_text(good, "lab.yaml").sections["simulation"]
    assert isinstance(section, fake_plugins.Section)


def test_a_list_serves_for_a_tuple(good):
    text = good.replace("duration_s: 0.5", "duration_s: 0.5\n  bias_ua: [20, 21.5]")
    assert load_text(text, "lab.yaml").parameters.bias_ua == (20.0, 21.5)


def test_a_mistyped_key_is_named_with_its_place_and_a_suggestion(good):
    text = good.replace("duration_s", "duratoin_s")
    assert only(text) == (
        "lab.yaml:7:3: parameters.duratoin_s: unknown key 'duratoin_s' "
        "(did you mean 'duration_s'?)"
    )


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("samples_per_symbol", "parameters.pattern.samples_per_symbol"),
        ("parameters.sample_per_symbol", "parameters.pattern.samples_per_symbol"),
        ("pattern.symbols", "parameters.pattern"),
        ("spread_db", "simulation.spread_db"),
        ("bias_ua", "parameters.bias_ua"),
        # a near key of the same place comes before one that is as near below
        ("parameters.patern", "pattern"),
    ],
)
def test_a_key_that_was_put_too_high_is_found_below(good, path, meant):
    line = only(good, f"{path}=3")
    assert line.endswith(f"(did you mean '{meant}'?)")


def test_a_mistyped_top_level_section_gets_a_suggestion(good):
    assert "(did you mean 'simulation'?)" in only(
        good.replace("simulation:", "simulatoin:")
    )


def test_a_mistyped_key_inside_a_section_is_found(good):
    line = only(good.replace("  buses:", "  spread_bd: 1\n  buses:"))
    assert "simulation.spread_bd: unknown key" in line
    assert "'spread_db'" in line


def test_a_section_that_names_no_instrument_is_refused(good):
    line = only(good + "  faults: {alice.awg: silent, bob.taggre: silent}\n")
    assert line == (
        "lab.yaml:25:31: simulation.faults.bob.taggre: no such instrument or bus "
        "(did you mean 'bob.tagger'?); there are: alice.awg, bob.tagger"
    )


def test_an_empty_file_is_named():
    assert only("") == "lab.yaml: must be a mapping of keys"


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(ResourceError, match=r"cannot be read: Is a directory$"):
        load(tmp_path)


def test_a_wrong_unit_in_a_key_names_the_right_field(good):
    line = only(good.replace("duration_s: 0.5", "duration_ms: 500"))
    assert line == (
        "lab.yaml:7:3: parameters.duration_ms: unknown key 'duration_ms': this "
        "quantity is given in seconds (did you mean 'duration_s'?)"
    )


def test_a_key_without_its_unit_names_the_right_field(good):
    assert "in seconds (did you mean 'duration_s'?)" in only(
        good.replace("duration_s: 0.5", "duration: 0.5")
    )


def test_a_number_with_its_unit_is_told_how_to_write_it(good):
    line = only(good.replace("0.5", "10 s"))
    assert line == (
        "lab.yaml:7:15: parameters.duration_s: '10 s' is not a number; "
        "'duration_s' is in seconds: write 10"
    )


def test_a_number_in_another_unit_is_converted_in_the_message(good):
    assert "write 0.5" in only(good.replace("0.5", "500 ms"))


def test_a_number_in_quotes_is_refused(good):
    assert "leave out the quotes" in only(good.replace("0.5", "'0.5'"))


def test_a_number_out_of_range_is_refused_with_its_unit(good):
    assert "must be greater than 0, got -1 seconds" in only(good.replace("0.5", "-1"))


def test_a_fraction_is_no_whole_number(good):
    line = only(good.replace("symbols: 100", "symbols: 1.5"))
    assert line.endswith("must be a whole number greater than 0, got 1.5")


def test_yes_is_text_and_no_truth_value(good):
    text = good.replace("duration_s: 0.5", "duration_s: 0.5\n  cyclic: yes")
    assert "must be true or false, got 'yes'" in only(text)


def test_a_missing_key_is_named(good):
    line = only(good.replace("  pattern: {symbols: 100}\n", ""))
    assert line == (
        "lab.yaml:6:1: parameters.pattern: required key 'pattern' is missing"
    )


def test_missing_options_are_reported_at_the_instrument(good):
    text = good.replace("        options: {n_inputs: 4}\n", "")
    line = only(text)
    assert line.startswith(
        "lab.yaml:17:7: parties.bob.instruments.tagger.options.n_inp"
    )


def test_a_duplicate_key_is_refused(good):
    line = only(good + "bench: real\n")
    assert line == "lab.yaml:25:1: bench: given twice; first at line 4"


def test_all_problems_are_told_at_once_in_the_order_of_the_file(good):
    text = good.replace("bench: sim", "bench: smi").replace("0.5", "-1")
    lines = problems(text.replace("n_inputs: 4", "n_inputs: 9"))
    assert [line.split(":")[1] for line in lines] == ["4", "7", "19"]


def test_an_unknown_driver_gets_a_suggestion(good):
    line = only(good.replace("fake.tagger", "fake.taggre"))
    assert "parties.bob.instruments.tagger.driver" in line
    assert "(did you mean 'fake.tagger'?)" in line


def test_a_broken_driver_names_its_cause(good):
    assert "No module named 'sdk'" in only(good.replace("fake.awg", "ill.awg"))


def test_an_unknown_experiment_is_named(good):
    line = only(good.replace("experiment: test", "experiment: tset"))
    assert "no experiment is called 'tset' (did you mean 'test'?)" in line


def test_an_unknown_bench_is_named(good):
    assert "no bench is called 'simm'" in only(good.replace(": sim\n", ": simm\n"))


def test_an_unknown_endpoint_gets_a_suggestion(good):
    text = good.replace(
        "{driver: fake.awg}", "{driver: fake.awg, address: {contol: x}}"
    )
    assert "fake.awg has no endpoint 'contol' (did you mean 'control'?)" in only(text)


def test_a_wrong_choice_lists_the_choices(good):
    text = good.replace(
        "{driver: fake.awg}", "{driver: fake.awg, options: {filter: STPE}}"
    )
    line = only(text)
    assert "'NORM', 'STEP' or 'OFF'" in line
    assert "did you mean 'STEP'" in line


def test_a_role_wants_one_instrument_or_composite(good):
    text = good.replace("{instrument: awg}", "{instrument: awg, composite: x}")
    assert "give either 'instrument' or 'composite'" in only(text)


def test_a_later_schema_is_refused(good):
    assert "lab.yaml:1:9: schema: must be 1, got 2" in only(
        good.replace("schema: 1", "schema: 2")
    )


def test_secure_with_a_seed_is_refused(good):
    text = good.replace("demonstration", "secure").replace(
        "duration_s", "cyclic: false\n  duration_s"
    )
    assert "takes its randomness from the operating system" in only(text, "seed=7")


def test_secure_with_a_cyclic_pattern_is_refused(good):
    line = only(good.replace("demonstration", "secure"))
    assert line.startswith("lab.yaml:5:12: key_class: a cyclic pattern repeats")


def test_secure_without_cycle_or_seed_loads(good):
    text = good.replace("demonstration", "secure")
    config = load_text(text, "lab.yaml", overrides=["parameters.cyclic=false"])
    assert config.key_class == "secure"


def test_a_seed_on_a_real_bench_is_refused(good):
    assert "a real bench has no seed" in only(good, "bench=real", "seed=7")


def test_a_party_that_is_not_there_gets_a_suggestion(good):
    assert "no party 'alcie' (did you mean 'alice'?)" in only(good, party="alcie")


def test_a_list_instead_of_a_configuration_is_refused(good):
    assert only("- 1\n") == "lab.yaml:1:1: must be a mapping of keys"


def test_an_empty_file_is_refused(good):
    assert "must be a mapping" in only("")


def test_a_missing_file_says_what_to_do(good, tmp_path):
    with pytest.raises(ResourceError, match=r"no-bench\.yaml: no such file; give"):
        load(tmp_path / "no-bench.yaml")


def test_a_file_that_is_not_text_is_refused(good, tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\x89HDF\r\n\x1a\n\xff")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load(tmp_path / "x.yaml")


def test_a_folder_is_no_file(good, tmp_path):
    with pytest.raises(ResourceError, match="cannot be read"):
        load(tmp_path)


def test_an_unknown_name_lists_what_there_is(good):
    with pytest.raises(ConfigError, match="no configuration is called 'bb48'"):
        load("bb48")


def test_a_resolved_configuration_loads_to_an_equal_one(good):
    config = load_text(good, "lab.yaml", overrides=["seed=7"])
    again = load_text(json.dumps(config.resolved()), "lab.yaml")
    assert again.resolved() == config.resolved()
    assert again.hash == config.hash


@pytest.mark.parametrize(
    "override",
    ["seed=9", "simulation.spread_db=0.2", "name=other", "bench=real",
     "parties.alice.instruments.awg.address={control: 'host:1'}"],
)  # fmt: skip
def test_the_hash_ignores_what_parties_need_not_agree_on(good, override):
    plain = load_text(good, "lab.yaml")
    assert load_text(good, "lab.yaml", overrides=[override]).hash == plain.hash


@pytest.mark.parametrize(
    "override",
    ["parameters.duration_s=0.6", "parameters.gate_ps=1000", "key_class=lab",
     "wiring={parts: {p: {kind: loss, owner: bob, loss_db: 1}}, cables: []}"],
)  # fmt: skip
def test_the_hash_covers_what_parties_must_agree_on(good, override):
    plain = load_text(good, "lab.yaml")
    assert load_text(good, "lab.yaml", overrides=[override]).hash != plain.hash


def test_the_hash_does_not_know_the_eavesdropper(good):
    eve = "{{kind: eavesdropper, owner: channel, attack: {}}}"
    parts = "wiring={{parts: {{e: " + eve + "}}, cables: []}}"
    hashes = {
        load_text(good, "lab.yaml", overrides=[parts.format(attack)]).hash
        for attack in ("none", "intercept_resend")
    }
    assert len(hashes) == 1


def test_a_seed_does_not_show_in_the_representation(good):
    config = load_text(good, "lab.yaml", overrides=["seed=7654321"])
    assert "7654321" not in repr(config)


def test_a_value_knows_its_place(good):
    config = load_text(good, "lab.yaml", overrides=["parameters.gate_ps=900"])
    assert str(config.where(("parameters", "duration_s"))) == "lab.yaml:7:15"
    assert str(config.where(("parameters", "gate_ps"))) == "--set"


def test_loading_needs_no_numpy():
    code = "import sys, qkdlab.config.load; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "False", done.stderr
