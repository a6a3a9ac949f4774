"""`qkdlab identity`: files of a new identity, and what people are told of them."""

from __future__ import annotations

import json

from qkdlab.cli.main import main


def test_fingerprints_are_the_same_at_both_ends(tmp_path, capsys):
    file = tmp_path / "alice.id"
    for arguments in ([str(file), "--new"], [str(file)], [f"{file}.pub"]):
        assert main(["identity", *arguments, "--json"]) == 0
    told = capsys.readouterr().out
    answers = [json.loads("{" + part) for part in told.split("{")[1:]]
    assert len({answer["fingerprint"] for answer in answers}) == 1
    assert len(answers[0]["fingerprint"]) == 64


def test_people_are_shown_the_fingerprint_in_groups(tmp_path, capsys):
    assert main(["identity", str(tmp_path / "alice.id"), "--new"]) == 0
    told = capsys.readouterr().out
    assert "for the other party" in told
    assert len(told.split("fingerprint")[1].split()) == 16


def test_an_identity_that_is_there_is_kept(tmp_path, capsys):
    assert main(["identity", str(tmp_path / "alice.id"), "--new"]) == 0
    assert main(["identity", str(tmp_path / "alice.id"), "--new"]) == 5
    assert "exists" in capsys.readouterr().err


def test_a_file_that_is_no_identity_is_told(tmp_path, capsys):
    (tmp_path / "x").write_text("x")
    assert main(["identity", str(tmp_path / "x")]) == 4
    assert "holds no public key" in capsys.readouterr().err
