"""The command as users start it: real processes, real drivers, a simulated bench.

Every process has a deadline; the bench is that of ``bb84_tiny`` with one thing wrong.
What does not depend on instruments runs on the bench of dice (`quick_bench`).
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest
import quick_bench
import quick_main

from qkdlab.runfile.reader import open_run

DEADLINE_S = 240


def qkdlab(*arguments: str, cwd: Path, **more) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "qkdlab", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        **more,
    )


def configuration(folder: Path, **simulation: object) -> str:
    """Write a configuration that is ``bb84_tiny`` with another simulation section."""
    path = folder / "mine.yaml"
    changed = {"extends": "bb84_tiny", "name": "mine", "simulation": simulation}
    path.write_text(json.dumps(changed))
    return str(path)


def fault(instrument: str, kind: str, **more: object) -> dict[str, object]:
    return {"faults": {instrument: [{"kind": kind, **more}]}}


def assert_one_line(text: str, *named: str) -> None:
    """Check that an error is told in one line that names what it is about."""
    told = [line for line in text.splitlines() if line.startswith("qkdlab: ")]
    assert "Traceback" not in text
    assert len(told) >= 1, text
    assert all(name in told[0] for name in named), told


def dice(*arguments: str, cwd: Path, **more) -> subprocess.CompletedProcess[str]:
    """Run the bench of dice to its end: all of qkdlab but drivers and simulators."""
    config = quick_bench.config_file(cwd, "demonstration")
    return subprocess.run(
        [sys.executable, quick_main.__file__, "run", str(config), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        **more,
    )


@pytest.mark.xdist_group("runs")
def test_a_run_ends_with_equal_keys_and_one_json_object(tiny_run):
    _, done = tiny_run
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["keys_match"] is True
    assert result["secret_bits"] > 0
    assert result["claimable_secret_bits"] == 0
    assert result["expected"]["gains"]


@pytest.mark.xdist_group("runs")
def test_the_readme_names_every_figure_of_a_result(tiny_run):
    _, done = tiny_run
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    section = readme.partition("### Result of a run")[2].partition("\n## ")[0]
    assert set(json.loads(done.stdout)) <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.xdist_group("runs")
def test_the_files_of_a_run_can_be_described(tiny_run):
    folder, done = tiny_run
    files = json.loads(done.stdout)["run_files"]
    described = qkdlab("info", files["bob"], "--json", cwd=folder)
    assert described.returncode == 0, described.stderr
    answer = json.loads(described.stdout)
    assert answer["complete"] == 1
    assert answer["tags"] == json.loads(done.stdout)["clicks"]


@pytest.mark.xdist_group("runs")
def test_a_file_with_a_changed_byte_ends_verify_with_its_code(tiny_run, tmp_path):
    folder, done = tiny_run
    copy = tmp_path / "bob.h5"
    whole = folder / json.loads(done.stdout)["run_files"]["bob"]
    copy.write_bytes(whole.read_bytes())
    with h5py.File(copy, "r+") as file:
        file["photon_data/timestamps"][0] += 1
    verified = qkdlab("verify", str(copy), cwd=tmp_path)
    assert verified.returncode == 4, verified.stderr
    assert_one_line(verified.stderr, "bob.h5")


@pytest.mark.parametrize(
    ("instrument", "kind"),
    [("alice.attenuator", "silent"), ("bob.websq", "garbage")],
)
def test_an_instrument_that_does_not_answer_sense_is_named(tmp_path, instrument, kind):
    mine = configuration(tmp_path, **fault(instrument, kind))
    done = qkdlab("run", mine, "--seed", "7", "--output", "out", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert_one_line(done.stderr, instrument.partition(".")[2])


def test_a_line_that_drops_in_mid_run_loses_no_tag_that_was_recorded(tmp_path):
    broken = fault("bob.tagger", "drop_line", at_s=6.0)
    mine = configuration(tmp_path, **broken)
    done = qkdlab("run", mine, "--seed", "7", "--output", "out", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert_one_line(done.stderr, "tagger")
    with open_run(tmp_path / "out" / "bob.h5") as file:
        assert file.complete


def test_a_full_disk_is_named_and_nothing_recorded_is_lost(tmp_path):
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12 << 20, 12 << 20))

    run = ("run", "bb84_tiny", "--seed", "7", "--output", "out")
    done = qkdlab(*run, cwd=tmp_path, preexec_fn=small_disk)
    assert done.returncode == 5, done.stderr
    assert_one_line(done.stderr, "out/bob.h5", "free space")
    with open_run(tmp_path / "out" / "bob.h5") as file:
        assert file.complete
        assert file.n_tags > 100_000


@pytest.mark.parametrize(
    ("signum", "code", "moment"),
    [
        (signal.SIGINT, 130, "polarimetry"),
        (signal.SIGTERM, 143, "calibration: modulator"),
    ],
)
def test_a_signal_ends_the_run_safely_and_finishes_its_files(
    tmp_path, signum, code, moment
):
    process = subprocess.Popen(
        [sys.executable, "-m", "qkdlab", "run", "bb84_tiny", "--output", "out"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        begin_s = time.monotonic()
        for line in process.stderr:
            if moment in line or time.monotonic() - begin_s > DEADLINE_S:
                break
        os.kill(process.pid, signum)
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert out == ""
    last_ps: dict[str, int] = {}
    for party in ("alice", "bob"):
        with open_run(tmp_path / "out" / f"{party}.h5") as file:
            assert file.complete
            last_ps |= {line: t_ps for t_ps, line, _ in file.io()}
    order = ["attenuator", "awg", "websq", "tagger"]
    times_ps = [last_ps[f"{instrument}.control>"] for instrument in order]
    assert times_ps == sorted(times_ps), "safe state out of order"


def test_a_run_too_short_for_a_key_ends_with_code_and_numbers(tmp_path):
    short = ("--set", "parameters.distillation.epsilon_secrecy=1e-120")
    done = dice("--json", *short, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    result = json.loads(done.stdout)
    assert result["aborted"]["code"] == "no-secret-key"
    assert result["aborted"]["numbers"]
    assert_one_line(done.stderr, "no-secret-key")


@pytest.mark.slow
def test_an_eavesdropper_ends_the_run_near_a_quarter_of_errors(tmp_path):
    done = qkdlab("run", "bb84_eve", "--seed", "7", "--json", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    aborted = json.loads(done.stdout)["aborted"]
    assert aborted["code"] in ("calibration-failed", "qber-above-limit")
    rates = [v for name, v in aborted["numbers"].items() if name.startswith("qber")]
    # a step of calibration that notices her says it in words
    told = re.findall(r"([0-9.]+)% wrong", aborted["reason"])
    rates += [float(percent) / 100 for percent in told]
    assert any(0.22 < rate < 0.28 for rate in rates)
