"""Steps of calibration on both parties: verdicts, records, files, what is refused."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import station_fakes
from pydantic import BaseModel
from station_fakes import FakeBench, instrument

import qkdlab.session.together
import qkdlab.station.open
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.config.models import RunConfig, StationConfig
from qkdlab.errors import (
    AbortCode,
    ConfigError,
    ResourceError,
    SecurityAbort,
    UsageError,
)
from qkdlab.session.calibrate import calibrate
from qkdlab.session.experiment import CalibrationStep, Experiment, PartyResult
from qkdlab.session.records import read_records, write_records
from qkdlab.session.run import run
from qkdlab.session.steps import choose_steps, run_steps
from qkdlab.wiring.parts import Wiring

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
CURVE = Curve("sweep", "bias (V)", "power (W)", (0.0, 1.0, 2.0), (1.0, 2.0, 1.5))


class Parameters(BaseModel):
    pass


def measure(ctx, quantity, value, problem=None, curves=()):
    ctx.clock.sleep_until(ctx.clock.now_ps() + 10**12)
    made = ctx.calibration.measured(
        quantity, value, "V", 0.1, valid_for_s=60.0, source="test"
    )
    return StepOutcome((made,), {"about": value}, curves, problem)


def first_alice(ctx):
    ctx.conversation.send("light-on")
    return measure(ctx, "null_v", 1.25, curves=(CURVE,))


def first_bob(ctx):
    ctx.conversation.receive("light-on")
    return StepOutcome()


def second_bob(ctx):
    return measure(ctx, "delay_v", 2.0)


def third_alice(ctx):
    return measure(ctx, "null_twice_v", 2 * ctx.calibration.value("null_v"))


def steps():
    return (
        CalibrationStep(
            "first",
            "the null",
            {"alice": first_alice, "bob": first_bob},
            gives={"alice": ("null_v",)},
        ),
        CalibrationStep("second", "a delay", {"bob": second_bob}),
        CalibrationStep(
            "third", "twice", {"alice": third_alice}, needs={"alice": ("null_v",)}
        ),
    )


class World:
    """What the tests can change: the steps and the programs."""

    def __init__(self) -> None:
        self.steps = steps()
        self.programs = dict.fromkeys(("alice", "bob"), self.program)

    def program(self, ctx):
        run_steps(ctx, self.steps)
        return PartyResult()

    def lookup(self, group: str, name: str):
        if group == "qkdlab.benches":
            return lambda config, seed: FakeBench()
        return Experiment("fake", Parameters, self.programs, steps=self.steps)


@pytest.fixture
def world(monkeypatch) -> World:
    world = World()
    specs = station_fakes.SPECS
    monkeypatch.setattr(qkdlab.station.open, "driver_spec", specs.__getitem__)
    monkeypatch.setattr(
        "qkdlab.station.qcodes_station.snapshot", lambda instruments: {}
    )
    monkeypatch.setattr(qkdlab.session.together, "lookup", world.lookup)
    monkeypatch.setattr(qkdlab.session.together.rules, "check", lambda config: [])
    return world


def record(quantity, value, *, time=START, party="alice"):
    return CalibrationRecord(
        party=party,
        quantity=quantity,
        value=value,
        unit="V",
        uncertainty=0.1,
        time=time,
        valid_for_s=60.0,
        source="test",
    )


def configuration(*records):
    return RunConfig(
        schema_version=1,
        name="fake",
        experiment="fake",
        bench="sim",
        seed=7,
        key_class="demonstration",
        parameters=Parameters(),
        parties={
            "alice": StationConfig(instruments={"awg": instrument("awg")}),
            "bob": StationConfig(instruments={"meter": instrument("meter")}),
        },
        calibration=list(records) or [record("certificate", 1.0)],
        wiring=Wiring(parts={}, cables=[]),
        source="fake.yaml",
    )


def started(folder, *records, **options):
    silent = lambda what, done, total: None  # noqa: E731
    return calibrate(configuration(*records), folder, silent, **options)


def reject(world, party, problem):
    def half(ctx):
        return measure(ctx, "delay_v", 2.0, problem=problem)

    first, _, third = world.steps
    rejected = CalibrationStep("second", "a delay", {party: half})
    world.steps = (first, rejected, third)


def ran(outcome):
    return [half["step"] for half in outcome.result["steps"]]


def test_all_steps_run_in_order(world, tmp_path):
    outcome = started(tmp_path / "c")
    assert outcome.exit_code == 0
    assert ran(outcome) == ["first", "first", "second", "third"]
    assert all(half["accepted"] for half in outcome.result["steps"])


def test_a_step_sees_what_an_earlier_one_measured(world, tmp_path):
    outcome = started(tmp_path / "c")
    (made,) = outcome.result["steps"][-1]["records"]
    assert made["value"] == 2.5


def test_the_records_of_a_party_are_a_list_for_its_configuration(world, tmp_path):
    started(tmp_path / "c")
    records = read_records(tmp_path / "c", ["alice", "bob"])
    assert [r.quantity for r in records] == ["null_v", "null_twice_v", "delay_v"]
    assert {r.time for r in records} > {START + timedelta(seconds=1)}


def test_a_step_with_curves_leaves_a_picture(world, tmp_path):
    outcome = started(tmp_path / "c")
    path = Path(outcome.result["steps"][0]["plot"])
    assert path == tmp_path / "c" / "alice" / "first.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_result_is_on_disk(world, tmp_path):
    outcome = started(tmp_path / "c")
    on_disk = json.loads((tmp_path / "c" / "result.json").read_text())
    assert on_disk == outcome.result


def test_one_step_brings_those_before_it(world, tmp_path):
    assert ran(started(tmp_path / "c", step="second")) == ["first", "first", "second"]


def test_with_records_a_step_runs_alone(world, tmp_path):
    started(tmp_path / "c", step="first")
    outcome = started(tmp_path / "d", step="third", records=tmp_path / "c")
    assert ran(outcome) == ["third"]
    assert outcome.result["steps"][0]["records"][0]["value"] == 2.5


def test_an_expired_record_is_refused(world, tmp_path):
    (tmp_path / "old" / "alice").mkdir(parents=True)
    old = [record("null_v", 1.0, time=START - timedelta(seconds=61))]
    write_records(tmp_path / "old" / "alice" / "records.yaml", old)
    outcome = started(tmp_path / "d", step="third", records=tmp_path / "old")
    assert outcome.exit_code == 3
    assert outcome.result["aborted"]["code"] == "calibration-expired"


def test_a_step_whose_record_nobody_made_is_refused(world, tmp_path):
    world.steps = world.steps[2:]
    with pytest.raises(ConfigError, match="null_v"):
        started(tmp_path / "c")


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_rejected_step_ends_the_calibration_on_both_sides(world, tmp_path, party):
    reject(world, party, "no light: open the shutter")
    outcome = started(tmp_path / "c")
    assert outcome.exit_code == 3
    assert outcome.result["aborted"]["code"] == AbortCode.CALIBRATION_FAILED.value
    assert "step 'second'" in outcome.result["aborted"]["reason"]
    assert "open the shutter" in outcome.result["aborted"]["reason"]
    assert ran(outcome) == ["first", "first", "second"]


def test_a_rejected_step_leaves_no_records_but_those_before_it_stay(world, tmp_path):
    reject(world, "bob", "no light")
    started(tmp_path / "c")
    records = read_records(tmp_path / "c", ["alice", "bob"])
    assert [r.quantity for r in records] == ["null_v"]


def test_a_run_of_the_same_steps_ends_alike(world, tmp_path):
    reject(world, "bob", "no light")
    outcome = run(configuration(), tmp_path / "c", lambda *_: None)
    assert outcome.result["aborted"]["code"] == "calibration-failed"


def test_a_run_tells_what_each_step_gave(world, tmp_path):
    outcome = run(configuration(), tmp_path / "c", lambda *_: None)
    told = outcome.result["parties"]["alice"]["calibration_first"]
    assert told["values"] == {"null_v": [1.25, 0.1]}
    assert told["accepted"] is True


def test_an_unknown_step_is_named_with_those_that_there_are(world):
    with pytest.raises(UsageError, match="did you mean 'second'"):
        choose_steps(world.steps, "secnd", alone=False)


def test_an_experiment_without_steps_is_not_calibrated():
    with pytest.raises(UsageError, match="no steps of calibration"):
        choose_steps((), None, alone=False)


def test_a_folder_without_records_is_refused(world, tmp_path):
    with pytest.raises(ResourceError, match=r"records\.yaml"):
        started(tmp_path / "c", records=tmp_path)


def test_a_file_that_holds_something_else_is_refused_with_its_place(tmp_path):
    (tmp_path / "alice").mkdir()
    path = tmp_path / "alice" / "records.yaml"
    path.write_text("- {party: alice}\n")
    with pytest.raises(ConfigError, match=r"records\.yaml:1:"):
        read_records(tmp_path, ["alice"])


class Rejecting:
    """A conversation with a peer that rejects every step."""

    def send(self, kind, **fields): ...

    def receive(self, kind):
        problem = "\x1b[2Jtoo dark\n"
        return {"step": "s", "accepted": False, "problem": problem, "figures": {}}


def test_what_the_peer_says_cannot_play_with_a_terminal():
    silent = SimpleNamespace(result=lambda name, value: None)
    ctx = SimpleNamespace(
        party="alice",
        conversation=Rejecting(),
        recorder=silent,
        progress=lambda what, done, total: None,
    )
    with pytest.raises(SecurityAbort) as caught:
        run_steps(ctx, [CalibrationStep("s", "a step", {})])
    assert str(caught.value).endswith("the other party: ?[2Jtoo dark?")
