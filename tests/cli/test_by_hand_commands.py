"""`get`, `set`, `scan`, `monitor` and `safe` on a simulated bench in this process."""

import csv
import json

import pytest

import qkdlab.station.hands
from qkdlab.cli.main import main
from qkdlab.config.load import load
from qkdlab_sims.plugin import open_bench

BENCH = "bb84_tiny"
ATTENUATION = "alice.attenuator.attenuation_db"


@pytest.fixture
def bench(monkeypatch):
    """Keep one simulated bench across commands; return what ends it safe."""
    config = load(BENCH)
    simulated = open_bench(config, 7)
    lasting = type("Lasting", (), {})()
    lasting.clock, lasting.connect = simulated.clock, simulated.connect
    lasting.close = lambda: None
    monkeypatch.setattr(
        qkdlab.station.hands, "lookup", lambda group, name: lambda c, seed: lasting
    )
    yield simulated
    simulated.close()


def said(capsys, *arguments, code=0):
    """Run a command; return its stdout."""
    assert main(list(arguments)) == code, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys, *arguments, code=1):
    """Run a command that fails; return its one line."""
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    (line,) = captured.err.splitlines()
    return line


def test_what_is_set_stays_set(bench, capsys):
    assert said(capsys, "set", BENCH, ATTENUATION, "12.5") == "12.5 dB\n"
    assert said(capsys, "set", BENCH, "alice.attenuator.shutter_open", "on") == "on\n"
    assert said(capsys, "get", BENCH, ATTENUATION) == "12.5 dB\n"
    assert said(capsys, "get", BENCH, "alice.attenuator.shutter_open") == "on\n"


def test_options_for_opening_do_not_undo_what_was_set(bench, capsys):
    name = "channel.attenuator.attenuation_db"
    said(capsys, "set", BENCH, name, "20")
    assert json.loads(said(capsys, "get", BENCH, name, "--json")) == {
        "parameter": name,
        "value": 20.0,
        "unit": "dB",
    }


def test_negative_numbers_need_no_dashes_before_them(bench, capsys):
    name = "alice.modulator_bias.voltage_v"
    assert said(capsys, "set", BENCH, name, "-1.5") == "-1.5 V\n"


def test_values_outside_the_range_are_told(bench, capsys):
    line = refused(capsys, "set", BENCH, ATTENUATION, "61")
    assert line.startswith("qkdlab: alice.attenuator.attenuation_db: '61' is not")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alice.attenuator.atenuation_db", "did you mean 'attenuation_db'?"),
        ("alice.atenuator.attenuation_db", "did you mean 'attenuator'?"),
        ("alise.attenuator.attenuation_db", "did you mean 'alice'?"),
        ("alice.transmitter.level", "made of several parts"),
        ("nonsense", "names no parameter"),
    ],
)
def test_unknown_names_are_told(bench, capsys, name, told):
    assert told in refused(capsys, "get", BENCH, name)


def test_a_scan_prints_and_writes_each_point(bench, capsys, tmp_path):
    path = tmp_path / "scan.csv"
    out = said(
        capsys,
        *("scan", BENCH, ATTENUATION, "10", "30", "3"),
        *("--read", ATTENUATION, "--read", "bob.websq.bias_ua"),
        *("--settle", "0.1", "--output", str(path)),
    )
    assert len(out.splitlines()) == 4
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head[0] == f"{ATTENUATION} (dB)"
    assert head[-1] == "bob.websq.bias_ua[3] (uA)"
    assert [row[0] for row in rows] == ["10.0", "20.0", "30.0"]


def test_a_scan_leaves_the_last_value(bench, capsys):
    scan = ("scan", BENCH, ATTENUATION, "10", "30", "3", "--json")
    answer = json.loads(said(capsys, *scan, "--read", "alice.attenuator.wavelength_nm"))
    assert [point[0] for point in answer["points"]] == [10.0, 20.0, 30.0]
    assert answer["columns"][0] == {"name": ATTENUATION, "unit": "dB"}
    assert said(capsys, "get", BENCH, ATTENUATION) == "30 dB\n"


def test_a_scan_out_of_range_sets_nothing(bench, capsys):
    said(capsys, "set", BENCH, "alice.attenuator.shutter_open", "on")
    scan = ("scan", BENCH, ATTENUATION, "10", "90", "3", "--read", ATTENUATION)
    assert "90 is not allowed" in refused(capsys, *scan)
    assert said(capsys, "get", BENCH, "alice.attenuator.shutter_open") == "on\n"
    assert said(capsys, "get", BENCH, ATTENUATION) == "0 dB\n"


def test_an_error_in_a_scan_makes_its_instruments_safe(bench, capsys):
    said(capsys, "set", BENCH, "alice.attenuator.shutter_open", "on")
    meter = bench._assembly.instruments["alice.tap_meter"]
    meter.light = lambda from_ps, to_ps, lag_ps: 1.0
    scan = ("scan", BENCH, ATTENUATION, "10", "20", "2")
    assert "tap_meter" in refused(
        capsys, *scan, "--read", "alice.tap_meter.power_w", code=2
    )
    assert said(capsys, "get", BENCH, "alice.attenuator.shutter_open") == "off\n"
    assert said(capsys, "get", BENCH, ATTENUATION) == "60 dB\n"


def test_a_scan_never_writes_over_a_file(bench, capsys, tmp_path):
    path = tmp_path / "scan.csv"
    path.write_text("precious")
    scan = ("scan", BENCH, ATTENUATION, "1", "2", "2", "--read", ATTENUATION)
    assert "scan.csv" in refused(capsys, *scan, "--output", str(path), code=5)
    assert path.read_text() == "precious"


def test_a_sample_is_one_line_of_json(bench, capsys):
    out = said(capsys, "monitor", BENCH, "--count", "2", "--every", "0.1", "--json")
    first, second = (json.loads(line) for line in out.splitlines())
    assert first["values"][ATTENUATION] == 0.0
    assert first["units"]["alice.laser.current_ma"] == "mA"
    assert len(first["values"]["bob.websq.rates_hz"]) == 4
    assert first["problems"] == {}
    assert second["t_s"] >= first["t_s"] + 0.1


def test_the_monitor_watches_what_the_benches_record(bench, capsys):
    out = said(capsys, "monitor", BENCH, "--count", "1", "--json")
    assert {
        *("alice.laser.current_ma", "alice.laser.photodiode_ma"),
        *("alice.laser.thermistor_ohm", "alice.tap_meter.power_w"),
        *("alice.attenuator.attenuation_db", "alice.attenuator.shutter_open"),
        *("alice.bias.voltage_v", "bob.websq.bias_ua", "bob.websq.voltages_mv"),
        *("bob.websq.rates_hz", "bob.hwp.angle_deg", "alice.clock.timebase"),
        "channel.attenuator.attenuation_db",
    } <= set(json.loads(out)["values"])


def test_everything_is_made_safe_light_first(bench, capsys):
    for name in ("alice.attenuator.shutter_open", "bob.websq.enabled"):
        said(capsys, "set", BENCH, name, "on")
    lines = said(capsys, "safe", BENCH).splitlines()
    assert lines[:3] == [
        "alice.attenuator: safe",
        "channel.attenuator: safe",
        "alice.awg: safe",
    ]
    assert len(lines) == 13
    assert said(capsys, "get", BENCH, "bob.websq.enabled") == "off\n"
    assert said(capsys, "get", BENCH, "alice.attenuator.shutter_open") == "off\n"


def test_what_could_not_be_made_safe_is_named(capsys):
    silent = "simulation.faults={alice.awg: [{kind: silent}]}"
    given = ["safe", BENCH, "--party", "alice", "--json", "--set", silent]
    assert main(given) == 2
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    problems = {i["instrument"]: i["problem"] for i in answer["instruments"]}
    assert answer["safe"] is False
    assert "no answer" in problems.pop("alice.awg")
    assert set(problems.values()) == {None}
    assert "alice.awg: not safe" in captured.err


def test_an_unknown_party_is_told(capsys):
    line = refused(capsys, "safe", BENCH, "--party", "alise")
    assert "did you mean 'alice'?" in line
