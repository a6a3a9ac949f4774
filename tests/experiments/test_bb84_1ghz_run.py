"""The bench at 1 GHz: from photons to equal keys, and once more from the files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from closed_form import assert_as_expected

from qkdlab.config.load import load
from qkdlab.runfile.reader import open_run
from qkdlab.session.replay import replay
from qkdlab.session.run import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("1ghz"),
    pytest.mark.timeout(1200),
]


@dataclass
class Done:
    """A finished run."""

    folder: Path
    result: dict[str, Any]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("runs") / "1ghz"
    config = load("bb84_1ghz", overrides=["seed=8", "parameters.duration_s=4.0"])
    return Done(folder, run(config, folder, lambda what, done, total: None).result)


def test_both_have_the_same_key(done):
    assert done.result["aborted"] is None
    assert done.result["keys_match"] is True
    assert done.result["secret_bits"] > 0


def test_gains_and_error_rates_are_those_of_the_closed_form(done):
    assert_as_expected(done.result)


def test_settings_are_assumed_independent_and_not_violated(done):
    status = {a["name"]: a["status"] for a in done.result["assumptions"]}
    assert status["independent settings"] == "assumed"


def test_no_record_of_the_traffic_holds_the_generators_key(done):
    with open_run(done.folder / "alice.h5") as file:
        secret = bytes(file.settings("block-0"))
        told = [data for _, line, data in file.io() if line.startswith("board")]
    assert len(secret) == 24
    assert b"<29 secret bytes>" in told
    assert not any(secret[:16] in data or secret[16:] in data for data in told)


def test_the_files_give_the_same_key_again(done):
    replayed = replay(done.folder, [], lambda what, done, total: None)
    assert replayed.difference is None
