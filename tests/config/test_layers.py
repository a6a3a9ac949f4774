from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.config.document import Document
from qkdlab.config.layers import Override, apply_override, merge, resolve_extends
from qkdlab.config.load import load
from qkdlab.config.yaml_text import parse_yaml
from qkdlab.errors import ConfigError

TREES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=10,
)


def parsed(text, file="f"):
    document, problems = parse_yaml(text, file)
    assert problems == []
    return document


def overridden(text, override):
    document = parsed(text)
    assert apply_override(document, Override(override)) == []
    return document


def refused(text, override):
    (problem,) = apply_override(parsed(text), Override(override))
    return str(problem)


def plain_merge(below, above):
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {k: plain_merge(below.get(k), v) for k, v in above.items()}
    return above


def test_an_override_is_typed_by_yaml():
    assert overridden("a: {b: 1}", "a.b=1e-3").data == {"a": {"b": 1e-3}}


def test_an_override_makes_the_way():
    assert overridden("a: 1", "x.y.z=true").data == {"a": 1, "x": {"y": {"z": True}}}


def test_an_override_reaches_into_lists():
    assert overridden("a: [1, {b: 2}]", "a.1.b=3").data == {"a": [1, {"b": 3}]}


def test_an_override_finds_keys_that_hold_dots():
    document = overridden("a: {bob.plates: {n: 1}}", "a.bob.plates.n=2")
    assert document.data == {"a": {"bob.plates": {"n": 2}}}


def test_an_override_replaces_a_whole_mapping():
    assert overridden("a: {b: 1, c: 2}", "a={d: 3}").data == {"a": {"d": 3}}


def test_the_place_of_an_override_is_the_command_line():
    document = overridden("a: {b: 1}", "a.b={c: 2}")
    assert str(document.value_position(("a", "b", "c"))) == "--set"
    assert str(document.value_position(("a",))) == "f:1:4"


def test_an_override_without_a_value_is_refused():
    assert refused("a: 1", "a.b") == "--set: 'a.b' must read PATH=VALUE, as in a.b=3"


def test_an_override_with_broken_yaml_is_refused():
    assert refused("a: 1", "a=[1").startswith("--set: a: not valid YAML")


def test_an_override_inside_a_scalar_is_refused():
    assert refused("a: 1", "a.b=2") == "--set: a.b: cannot be set: 'a' is a value"


def test_an_override_beyond_a_list_is_refused():
    assert "'a' is a list" in refused("a: [1]", "a.1=2")


@given(TREES, TREES)
def test_merging_joins_mappings_and_replaces_the_rest(below, above):
    merged = merge(Document(below), Document(above))
    assert merged.data == plain_merge(below, above)


def test_merging_keeps_the_places_of_both_files():
    merged = merge(parsed("a: {b: 1, c: 2}", "base"), parsed("\na: {c: 3}", "top"))
    assert str(merged.value_position(("a", "b"))) == "base:1:8"
    assert str(merged.value_position(("a", "c"))) == "top:2:8"


def test_a_replaced_mapping_leaves_no_places_behind():
    merged = merge(parsed("a: {b: 1}", "base"), parsed("a: [5]", "top"))
    assert ("a", "b") not in merged.spots


def test_a_file_extends_another_beside_it(tmp_path):
    (tmp_path / "base.yaml").write_text("a: {b: 1, c: 2}\n")
    top = parsed("extends: base.yaml\na: {b: 9}\n", str(tmp_path / "top.yaml"))
    document, problems = resolve_extends(top, str(tmp_path / "top.yaml"))
    assert problems == []
    assert document.data == {"a": {"b": 9, "c": 2}}


def test_extending_goes_down_several_files(tmp_path):
    (tmp_path / "one.yaml").write_text("a: 1\nb: 1\nc: 1\n")
    (tmp_path / "two.yaml").write_text("extends: one.yaml\nb: 2\nc: 2\n")
    top = parsed("extends: two.yaml\nc: 3\n", str(tmp_path / "top.yaml"))
    document, _ = resolve_extends(top, str(tmp_path / "top.yaml"))
    assert document.data == {"a": 1, "b": 2, "c": 3}


def test_a_circle_of_extensions_is_refused(good, tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError, match="extends this file in turn"):
        load(tmp_path / "a.yaml")


def test_a_missing_base_is_placed_at_extends(good, tmp_path):
    (tmp_path / "a.yaml").write_text("schema: 1\nextends: none.yaml\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:2:10: extends: .*no such file"):
        load(tmp_path / "a.yaml")


def test_a_problem_in_the_base_is_placed_in_the_base(good, tmp_path):
    (tmp_path / "base.yaml").write_text(
        good.replace("duration_s: 0.5", "duration_s: x")
    )
    (tmp_path / "top.yaml").write_text("extends: base.yaml\nname: top\n")
    with pytest.raises(ConfigError, match=r"base\.yaml:7:15: parameters\.duration_s"):
        load(tmp_path / "top.yaml")


def test_the_extending_file_names_the_configuration(good, tmp_path):
    (tmp_path / "base.yaml").write_text(good)
    (tmp_path / "top.yaml").write_text("extends: base.yaml\nname: top\n")
    assert load(tmp_path / "top.yaml").name == "top"
