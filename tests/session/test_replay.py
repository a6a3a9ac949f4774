"""Replay: the same messages, ledgers and keys from the files; or a re-analysis."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qkdlab.cli.main import main
from qkdlab.errors import ConfigError, ResourceError, UsageError, VerifyError
from qkdlab.runfile.schema import ROOT
from qkdlab.session.compare import first_difference, first_message_difference
from qkdlab.session.replay import Replayed, replay

pytestmark = [pytest.mark.xdist_group("quick"), pytest.mark.timeout(600)]


def again(folder: Path, *changes: str) -> Replayed:
    return replay(folder, changes, lambda *_: None)


def files(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a run."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_unchanged_it_gives_the_same_block(lab_run: Any) -> None:
    before = files(lab_run.folder)
    replayed = again(lab_run.folder)
    assert replayed.difference is None
    assert replayed.result["identical"] is True
    (block,) = replayed.result["blocks"]
    (told,) = lab_run.result["blocks"]
    assert {name: block[name] for name in told} == told
    assert block["secret_bits"] > 0
    assert files(lab_run.folder) == before


def test_aborted_blocks_abort_again(blocks_run: Any) -> None:
    replayed = again(blocks_run.folder)
    assert replayed.difference is None
    codes = [(b["aborted"] or {}).get("code") for b in replayed.result["blocks"]]
    assert codes == [None, "qber-above-limit", None]
    assert replayed.result["secret_bits"] == blocks_run.result["secret_bits"]


def test_changed_parameters_are_a_re_analysis_that_keeps_no_key(lab_run: Any) -> None:
    before = files(lab_run.folder)
    replayed = again(lab_run.folder, "parameters.detection.gate_ps=100")
    assert replayed.result["label"] == "re-analysis"
    assert replayed.result["key_class"] == "re-analysis"
    assert replayed.result["claimable_secret_bits"] == 0
    assert replayed.result["identical"] is None
    assert 0 < replayed.result["sifted_bits"] < lab_run.result["sifted_bits"]
    assert replayed.result["secret_bits"] != lab_run.result["secret_bits"]
    assert files(lab_run.folder) == before


def test_stricter_limits_make_a_re_analysis_abort(lab_run: Any) -> None:
    replayed = again(lab_run.folder, "parameters.limits.qber_z_max=0.001")
    (block,) = replayed.result["blocks"]
    assert block["aborted"]["code"] == "qber-above-limit"
    assert replayed.result["secret_bits"] == 0


def test_a_change_that_changes_nothing_is_none(lab_run: Any) -> None:
    replayed = again(lab_run.folder, "parameters.limits.qber_z_max=0.08")
    assert replayed.result["label"] == "replay"
    assert replayed.result["identical"] is True


def test_what_was_sent_cannot_change(lab_run: Any) -> None:
    with pytest.raises(UsageError, match="do not fit the pattern"):
        again(lab_run.folder, "parameters.basis_x_probability=0.6")


def test_an_unknown_parameter_is_told_with_its_place(lab_run: Any) -> None:
    with pytest.raises(ConfigError, match="gate_px"):
        again(lab_run.folder, "parameters.detection.gate_px=60")


def test_a_secure_run_cannot_be_replayed(secure_run: Any) -> None:
    with pytest.raises(VerifyError, match="class secure"):
        again(secure_run.folder)


def test_a_folder_without_run_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="no such file"):
        again(tmp_path)


def spoilt(run: Any, folder: Path, spoil: Callable[[Any], None], party: str) -> Path:
    """Copy a run, change one file and everything in it that vouches for it."""
    shutil.copytree(run.folder, folder)
    path = folder / f"{party}.h5"
    with h5py.File(path, "a") as file:
        spoil(file)
        text = json.loads(bytes(file[f"{ROOT}/hashes"][()]))
        for name in text:
            data = np.ascontiguousarray(file[f"{ROOT}/{name}"][()]).tobytes()
            text[name] = hashlib.sha256(data).hexdigest()
        del file[f"{ROOT}/hashes"]
        file[f"{ROOT}/hashes"] = np.bytes_(json.dumps(text))
    return folder


def test_files_of_two_runs_do_not_go_together(
    lab_run: Any, secure_run: Any, blocks_run: Any, tmp_path: Path
) -> None:
    shutil.copy(lab_run.folder / "alice.h5", tmp_path)
    shutil.copy(blocks_run.folder / "bob.h5", tmp_path)
    with pytest.raises(VerifyError, match="of another run"):
        again(tmp_path)


def test_a_damaged_file_is_refused(lab_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(lab_run.folder, folder)
    with h5py.File(folder / "bob.h5", "a") as file:
        file["/photon_data/detectors"][5] ^= 1
    with pytest.raises(VerifyError, match="not those that were recorded"):
        again(folder)


def damage_a_message(file: Any) -> None:
    file[f"{ROOT}/classical/bytes"][-1] ^= 1


def damage_the_settings(file: Any) -> None:
    file[f"{ROOT}/settings/block-0"][...] = 0


@pytest.mark.parametrize("damage", [damage_a_message, damage_the_settings])
def test_damage_found_meanwhile_leaves_no_result_and_exits_with_4(
    lab_run: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Any], None],
) -> None:
    """The replay does not read the messages; zeros do not fit the parameters."""
    folder = tmp_path / "run"
    shutil.copytree(lab_run.folder, folder)
    with h5py.File(folder / "alice.h5", "a") as file:
        damage(file)
    assert main(["replay", str(folder), "--quiet", "--json"]) == 4
    out, err = capsys.readouterr()
    assert list(json.loads(out)) == ["error"]
    assert "is not what was recorded" in err


def change_one_setting(file: Any) -> None:
    settings = file[f"{ROOT}/settings/block-0"]
    values = settings[()]
    # a key bit of hers, somewhere in the middle of the frame
    values[400_000:400_400] ^= 1
    settings[()] = values


def change_one_random_bit(file: Any) -> None:
    heap = file[f"{ROOT}/randomness/bytes"]
    heap[-5] ^= 1


def test_the_first_difference_is_named(lab_run: Any, tmp_path: Path) -> None:
    folder = spoilt(lab_run, tmp_path / "run", change_one_setting, "alice")
    difference = again(folder).difference
    assert difference is not None
    assert difference.startswith("key block 0, alice: message ")


def test_the_command_says_the_difference_and_exits_with_4(
    lab_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = spoilt(lab_run, tmp_path / "run", change_one_random_bit, "alice")
    assert main(["replay", str(folder), "--quiet", "--json"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["difference"] is not None
    assert "the replay differs from the run: key block 0" in err


def test_the_command_prints_one_json_object(
    lab_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(lab_run.folder), "--quiet", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["identical"] is True
    assert result["level"] == "tags"
    assert result["run_wall_s"] > 0


def test_the_command_is_a_table_for_people(
    lab_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(lab_run.folder), "--quiet"]) == 0
    assert "messages, ledgers and keys are those of the run" in capsys.readouterr().out


def test_only_the_level_of_tags_is_offered(
    lab_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(lab_run.folder), "--level", "waves"]) == 1


def test_differences_are_told_by_their_place() -> None:
    recorded = {"a": {"b": [1, 2]}, "c": 0.5}
    assert first_difference(recorded, {"a": {"b": [1, 2]}, "c": 0.5, "d": 1}) is None
    assert first_difference(recorded, {"a": {"b": [1, 3]}, "c": 0.5}) == (
        "a.b[1] was 2, is 3"
    )
    assert first_difference({"c": 0.5}, {"c": 0.5 + 1e-12}) is None
    assert first_difference({"n": 5}, {"n": 6}) == "n was 5, is 6"
    assert first_difference({"l": [1]}, {"l": [1, 2]}) == "l has 1, not 2 entries"


def test_messages_are_compared_in_each_direction() -> None:
    one, two = ("alice-to-bob", b"1"), ("bob-to-alice", b"2")
    assert first_message_difference([one, two], [two, one]) is None
    found = first_message_difference([one, two], [two])
    assert found == "1 messages alice-to-bob, the replay has 0"
