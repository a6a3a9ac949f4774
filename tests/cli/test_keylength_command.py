"""`qkdlab keylength` reads counts, and names what is wrong with them."""

import io
import json

import pytest

from qkdlab.cli.main import main

REQUEST = {
    "protocol": "bb84-single-photon",
    "n": 900_000,
    "k": 100_000,
    "qber_tolerated": 0.02,
    "leak_bits": 150_000,
    "epsilon_secrecy": 1e-10,
    "epsilon_correctness": 1e-15,
}


@pytest.fixture
def counts(tmp_path):
    path = tmp_path / "counts.json"
    path.write_text(json.dumps(REQUEST))
    return path


def test_it_answers_with_one_json_object(counts, capsys):
    assert main(["keylength", str(counts), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer["secret_bits"], int)
    assert answer["secret_bits"] > 0
    assert "theorem" in answer


def test_it_answers_people_with_a_line_per_figure(counts, capsys):
    assert main(["keylength", str(counts)]) == 0
    out = capsys.readouterr().out
    assert "secret_bits  " in out
    assert "  assumed      single photons (source not examined)" in out


def test_it_reads_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(REQUEST)))
    assert main(["keylength", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["secret_bits"] > 0


def test_a_missing_file_is_named(tmp_path, capsys):
    assert main(["keylength", str(tmp_path / "gone.json")]) == 5
    assert "gone.json: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"n": 1,}', "counts.json:1:9: not JSON"), ("[1]", "one JSON object")],
)
def test_what_is_no_json_object_is_refused_with_its_place(counts, text, named, capsys):
    counts.write_text(text)
    assert main(["keylength", str(counts)]) == 1
    assert named in capsys.readouterr().err


def test_a_binary_file_is_refused(counts, capsys):
    counts.write_bytes(b"\xff\xfe\x00\x89HDF")
    assert main(["keylength", str(counts)]) == 1
    assert "not a text file" in capsys.readouterr().err


@pytest.mark.parametrize("field", ["n", "protocol", "epsilon_secrecy"])
def test_a_missing_count_is_named(counts, field, capsys):
    counts.write_text(json.dumps({k: v for k, v in REQUEST.items() if k != field}))
    assert main(["keylength", str(counts)]) == 1
    captured = capsys.readouterr()
    assert f"counts.json: {field} is missing" in captured.err
    assert captured.out == ""
