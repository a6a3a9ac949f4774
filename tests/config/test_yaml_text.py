from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.config.yaml_text import parse_yaml

KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]))
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


def value(text):
    document, problems = parse_yaml(f"a: {text}", "f")
    assert problems == []
    return document.data["a"]


def problem(text):
    _, problems = parse_yaml(text, "f.yaml")
    assert len(problems) == 1, problems
    return str(problems[0])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1e-9", 1e-9),
        ("1E3", 1000.0),
        ("100.0e6", 1e8),
        ("-.5", -0.5),
        ("80_000", 80000),
        ("0x1F", 31),
        ("0o17", 15),
        ("-0b11", -3),
        ("010", 10),
        ("+7", 7),
        ("true", True),
        ("no", "no"),
        ("12:30:45", "12:30:45"),
        ("2026-11-01T09:00:00Z", "2026-11-01T09:00:00Z"),
        ("~", None),
        ("", None),
        ("'1'", "1"),
    ],
)
def test_scalars_follow_yaml_1_2(text, meaning):
    found = value(text)
    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize("text", [".nan", ".inf", "-.inf", "1e999"])
def test_nan_and_infinity_are_refused(text):
    assert problem(f"a: {text}").startswith("f.yaml:1:4: a: ")


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system ls", "a: !mine {}", "!!omap []"]
)
def test_tags_are_refused(text):
    assert "is not allowed" in problem(text)


def test_duplicates_are_refused_with_both_places():
    assert problem("a: 1\nb:\n  c: 1\n  c: 2\n") == (
        "f.yaml:4:3: b.c: given twice; first at line 3"
    )


def test_a_number_and_its_text_are_one_key():
    assert "given twice" in problem("1: a\n'1': b\n")


def test_merge_keys_are_refused():
    assert "use `extends`" in problem("a: {<<: {b: 1}}")


def test_a_list_is_no_key():
    assert "a key must be text" in problem("? [1, 2]\n: x\n")


def test_aliases_are_followed():
    document, _ = parse_yaml("a: &x [1, 2]\nb: *x\n", "f")
    assert document.data == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_to_itself_is_refused():
    assert "refers to itself" in problem("a: &x [*x]\n")


def test_aliases_cannot_expand_without_bound():
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 9):
        many = ", ".join([f"*a{i - 1}"] * 10)
        rows.append(f"a{i}: &a{i} [{many}]")
    assert "expands beyond measure" in problem("\n".join(rows))


def test_broken_yaml_is_placed():
    assert problem("a: 1\nb: [1, 2\nc: 3\n").startswith("f.yaml:3:")


def test_a_tab_for_indentation_is_placed():
    assert problem("a:\n\tb: 1\n").startswith("f.yaml:2:1: not valid YAML")


def test_a_forbidden_character_is_placed():
    assert problem("a: 1\nb: \x07\n").startswith("f.yaml:2:4: ")


def test_two_documents_are_refused():
    assert "not valid YAML" in problem("a: 1\n---\nb: 2\n")


def test_deep_nesting_is_refused():
    assert "nested too deeply" in problem("[" * 5000)


@given(TREES)
def test_json_is_read_as_it_is(tree):
    document, problems = parse_yaml(json.dumps(tree, ensure_ascii=False), "f")
    assert problems == []
    assert document.data == tree


@given(st.dictionaries(KEYS, st.integers(0, 10**6), min_size=1, max_size=6))
def test_every_position_points_at_the_text_of_its_key_and_value(pairs):
    text = "".join(f"{json.dumps(k)}:\n    {v}\n" for k, v in pairs.items())
    lines = text.splitlines()
    document, _ = parse_yaml(text, "f")
    for key, number in pairs.items():
        spot = document.spots[(key,)]
        assert lines[spot.key.line - 1][spot.key.column - 1 :].startswith(
            json.dumps(key)
        )
        assert lines[spot.value.line - 1][spot.value.column - 1 :] == str(number)


@given(st.text(max_size=60))
def test_any_text_gives_a_document_or_problems(text):
    document, problems = parse_yaml(text, "f")
    assert problems or json.dumps(document.data)
