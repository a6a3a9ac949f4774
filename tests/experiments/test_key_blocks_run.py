"""Whole runs of several key blocks: quiet, with a wire that latches, a fibre turned.

Real drivers on simulated instruments, from calibration to keys. Runs of one seed are
alike up to the first incident: the quiet one says when a block is under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qkdlab.config.load import load
from qkdlab.keys.store import KeyStore
from qkdlab.runfile.reader import RunFile, open_run
from qkdlab.session.replay import replay
from qkdlab.session.run import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("runs"),
    pytest.mark.timeout(900),
]
PARTIES = ("alice", "bob")
ALARM, QBER = "detector-alarm", "qber-above-limit"
SHORT = ("seed=11", "parameters.distillation.epsilon_secrecy=1e-5")
PS = 1e-12


@dataclass
class Done:
    """A finished run."""

    folder: Path
    result: dict[str, Any]

    def codes(self) -> list[str | None]:
        """Return why each block gave no key; None where it gave one."""
        return [(b["aborted"] or {}).get("code") for b in self.result["blocks"]]

    def keys(self, party: str) -> dict[str, Any]:
        """Return the party's keys by id."""
        return {key.key_id: key.bits for key in KeyStore(self.folder / party / "keys")}

    def file(self, party: str) -> RunFile:
        return open_run(self.folder / f"{party}.h5")

    def replayed(self) -> Any:
        return replay(self.folder, [], lambda what, done, total: None)

    def check_keys(self) -> None:
        """Hold both parties' keys to be those of the blocks that gave one."""
        alice, bob = (self.keys(party) for party in PARTIES)
        assert alice == bob
        told = [b.get("key_id") for b in self.result["blocks"] if not b["aborted"]]
        assert set(told) == set(alice)
        assert len(set(told)) == len(told)


def made(folder: Path, *overrides: str) -> Done:
    config = load("bb84_tiny", overrides=[*SHORT, *overrides])
    return Done(folder, run(config, folder, lambda what, done, total: None).result)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("quiet") / "run"
    return made(folder, "parameters.blocks=3")


def second_block_s(quiet: Done) -> float:
    """Return the world's time of the first sample of the second block of a run."""
    with quiet.file("bob") as file:
        times = file.monitors()["total_tag_rate_hz"][0] * PS
    breaks = [later for earlier, later in pairwise(times) if later - earlier > 1.0]
    return float(breaks[0])


@pytest.fixture(scope="module")
def disturbed(quiet: Done, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A wire latches in the second block; then somebody turns the fibre."""
    at_s = second_block_s(quiet)
    incidents = (
        f"{{kind: latch, at_s: {at_s + 0.5}, detectors: [2]}}",
        f"{{kind: turn, at_s: {at_s + 0.7}, angle_rad: 0.8}}",
    )
    folder = tmp_path_factory.mktemp("disturbed") / "run"
    planned = f"simulation.incidents=[{', '.join(incidents)}]"
    return made(folder, "parameters.blocks=4", planned)


@pytest.fixture(scope="module")
def untracked(quiet: Done, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The fibre turns in the first block's wake, and nobody follows it."""
    turn = f"{{kind: turn, at_s: {second_block_s(quiet) - 0.5}, angle_rad: 0.8}}"
    return made(
        tmp_path_factory.mktemp("untracked") / "run",
        "parameters.blocks=3",
        "parameters.tracking.plates=false",
        f"simulation.incidents=[{turn}]",
    )


def test_each_block_of_a_quiet_run_gives_a_key_of_its_own(quiet: Done) -> None:
    assert quiet.codes() == [None] * 3
    assert quiet.result["keys_match"] is True
    quiet.check_keys()
    bits = [b["secret_bits"] for b in quiet.result["blocks"]]
    assert min(bits) > 0
    assert quiet.result["secret_bits"] == sum(bits)


def test_a_replay_of_all_blocks_gives_the_same(quiet: Done) -> None:
    replayed = quiet.replayed()
    assert replayed.difference is None
    assert replayed.result["identical"] is True


def test_detectors_are_on_record_each_half_second_of_a_block(quiet: Done) -> None:
    with quiet.file("bob") as file:
        series = file.monitors()
    names = ["total_tag_rate_hz"]
    names += [f"{n}/{d}" for n in ("tag_rate_hz", "snspd_voltage_mv") for d in range(4)]
    for name in names:
        # three blocks of a second
        assert len(series[name][0]) >= 6, name
    assert max(series[f"snspd_voltage_mv/{d}"][1].max() for d in range(4)) < 100.0


def test_a_latched_wire_costs_its_block_and_a_turned_fibre_the_next(
    disturbed: Done,
) -> None:
    assert disturbed.codes() == [None, ALARM, QBER, None]
    assert disturbed.result["blocks"][1]["aborted"]["numbers"]["voltage_mv"] > 100.0
    disturbed.check_keys()


def test_no_tag_of_a_trip_and_its_recovery_makes_key(disturbed: Done) -> None:
    with disturbed.file("bob") as file:
        blocks = [file.key_blocks()[f"block-{n}"] for n in range(4)]
        series = file.monitors()
        taken = [sum(len(b) for b in file.blocks(*span_of(block))) for block in blocks]
    # the tagger stood still from the trip to the block after
    assert blocks[1]["end_tag_block"] == blocks[2]["first_tag_block"]
    assert 0 < taken[1] < taken[0]
    assert ["key_sha256" in block for block in blocks] == [True, False, False, True]
    (tripped_ps,), (count,) = series["interlock_trips"]
    assert count == 1
    recovered_ps = series["recovery_attempts"][0][0]
    assert tripped_ps < recovered_ps
    sampled_ps = series["total_tag_rate_hz"][0]
    assert not np.any((sampled_ps > tripped_ps) & (sampled_ps < recovered_ps))


def span_of(block: dict[str, Any]) -> tuple[int, int]:
    """Return the numbers of a key block's first tag block and after its last."""
    return block["first_tag_block"], block["end_tag_block"]


def test_blocks_that_aborted_abort_again_in_a_replay(disturbed: Done) -> None:
    assert disturbed.replayed().difference is None


def test_a_fibre_that_was_turned_is_followed(quiet: Done, disturbed: Done) -> None:
    lost, last = disturbed.result["blocks"][2:]
    assert lost["qber_z"] > 0.1
    assert max(last["qber_x"], last["qber_z"]) < 0.03
    with disturbed.file("bob") as file:
        assert len(file.monitors()["tracked_qber"][0]) == 1


def test_without_tracking_no_later_block_gives_key(untracked: Done) -> None:
    assert untracked.codes() == [None, QBER, QBER]
    untracked.check_keys()
    with untracked.file("bob") as file:
        assert "tracked_qber" not in file.monitors()
