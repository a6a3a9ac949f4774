"""Whole runs of several key blocks between which the modulator's phase is displaced.

Two runs of one seed, from calibration to keys, real drivers on simulated instruments:
one follows the null, the other does not. While the shutter is closed between two
blocks the crystal's phase jumps, by more than its drift would take it in hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qkdlab.config.load import load
from qkdlab.runfile.reader import open_run
from qkdlab.session.run import run
from qkdlab_experiments import blocks_alice
from qkdlab_experiments.between_blocks import between_blocks_alice
from qkdlab_sims.optics.bias_drift import BiasDrift

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("runs"),
    pytest.mark.timeout(1800),
]
BLOCKS = 3
JUMP_RAD = 0.1


@dataclass
class Done:
    """A finished run."""

    folder: Path
    result: dict[str, Any]

    def phase_rad(self) -> float:
        """Return how far the true phase was from the null in the last block."""
        phase = self.result["truth"]["modulator_phase_rad"]["mzm"]
        return float(abs((phase + np.pi) % (2 * np.pi) - np.pi))

    def null_voltages(self) -> list[float]:
        """Return where the lock put the bias, block after block."""
        with open_run(self.folder / "alice.h5") as file:
            return list(file.monitors()["modulator_bias_v"][1])


def made(folder: Path, *, locked: bool) -> Done:
    """Make a run whose phase jumps after each block."""
    free_rad = BiasDrift.free_rad
    jumps = 0

    def displaced(drift: BiasDrift, t_ps: int) -> float:
        return free_rad(drift, t_ps) + jumps * JUMP_RAD

    def after_a_block(*given: Any) -> None:
        nonlocal jumps
        jumps += 1
        between_blocks_alice(*given)

    overrides = [
        "seed=11",
        "parameters.distillation.epsilon_secrecy=1e-5",
        f"parameters.blocks={BLOCKS}",
        f"parameters.tracking.bias={str(locked).lower()}",
    ]
    config = load("bb84_tiny", overrides=overrides)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BiasDrift, "free_rad", displaced)
        patch.setattr(blocks_alice, "between_blocks_alice", after_a_block)
        return Done(folder, run(config, folder, lambda what, done, total: None).result)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return made(tmp_path_factory.mktemp("locked") / "run", locked=True)


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return made(tmp_path_factory.mktemp("loose") / "run", locked=False)


def test_the_lock_follows_each_jump(locked: Done) -> None:
    volts = locked.null_voltages()
    assert len(volts) == BLOCKS - 1
    # 5 V of bias turn the phase by pi
    moved_rad = abs(np.diff(volts)) / 5.0 * np.pi
    assert moved_rad == pytest.approx([JUMP_RAD] * (BLOCKS - 2), rel=0.2)


def test_the_phase_is_at_its_null_in_the_last_block(locked: Done) -> None:
    assert locked.phase_rad() < 0.1 * JUMP_RAD


def test_every_block_of_the_locked_run_gives_key(locked: Done) -> None:
    assert [b["aborted"] for b in locked.result["blocks"]] == [None] * BLOCKS
    assert min(b["secret_bits"] for b in locked.result["blocks"]) > 0


def test_gains_and_error_rates_of_the_locked_run_are_as_expected(
    locked: Done,
) -> None:
    gains, expected = locked.result["gains"], locked.result["expected"]["gains"]
    for name, within in (("signal", 0.01), ("decoy", 0.01), ("vacuum", 0.1)):
        assert gains["X"][name] == pytest.approx(expected["X"][name], rel=within)
    assert all(b["qber_x"] < 0.02 for b in locked.result["blocks"])


def test_without_the_lock_the_phase_stays_where_it_jumped(loose: Done) -> None:
    assert loose.phase_rad() > 0.9 * JUMP_RAD


def test_without_the_lock_the_next_block_is_refused(loose: Done) -> None:
    codes = [(b["aborted"] or {}).get("code") for b in loose.result["blocks"]]
    assert codes[0] is None  # before the first jump
    assert codes[1] == "intensity-outside-interval"
