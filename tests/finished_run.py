"""A run from photons to keys, and what must hold of any whose settings are fresh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qkdlab.config.load import load
from qkdlab.runfile.reader import open_run
from qkdlab.session.replay import replay
from qkdlab.session.run import run


@dataclass
class Finished:
    """A finished run: its files and its result."""

    folder: Path
    result: dict[str, Any]


def finish(folder: Path, preset: str, *overrides: str) -> Finished:
    """Run a preset to its end."""
    config = load(preset, overrides=overrides)
    return Finished(folder, run(config, folder, lambda what, done, total: None).result)


def assert_both_have_a_key(done: Finished) -> None:
    assert done.result["aborted"] is None
    assert done.result["keys_match"] is True
    assert done.result["secret_bits"] > 0


def assert_traffic_hides_the_generators_key(done: Finished, party: str) -> None:
    with open_run(done.folder / f"{party}.h5") as file:
        secret = bytes(file.settings("block-0"))
        told = [data for _, line, data in file.io() if line.startswith("board")]
    assert len(secret) == 24
    assert b"<29 secret bytes>" in told
    assert not any(secret[:16] in data or secret[16:] in data for data in told)


def assert_files_give_the_same_key(done: Finished) -> None:
    replayed = replay(done.folder, [], lambda what, done, total: None)
    assert replayed.difference is None
