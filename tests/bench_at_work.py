"""Both stations on one simulated bench, worked through the real drivers, no link.

Programs' calibration steps run one after the other in the calling thread; virtual time
jumps. Every tick of it costs, so instruments are made quick: plates fly, the filter
jumps, the meter zeroes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.config.load import load
from qkdlab.station.open import Station, open_station
from qkdlab_experiments.calibration.bring_up import light_on, zero_meter
from qkdlab_experiments.intensity import IntensityCalibration, calibrate_intensities
from qkdlab_sims.bench.simulated import SimulatedBench
from qkdlab_sims.plugin import open_bench

MS = 1_000_000_000
QUICK: dict[str, dict[str, Any]] = {
    "alice.attenuator": {
        "settle_base_ps": MS,
        "settle_ps_per_db": 0,
        "shutter_ps": MS,
    },
    "alice.tap_meter": {"zero_ps": MS},
    "alice.laser": {"ramp_ps": MS},
    "channel.attenuator": {"steps_per_s": 8e6},
    "bob.plates": {"max_speed_deg_s": 43_000.0},
}
"""Options of simulated instruments."""


def quick_config(
    overrides: Sequence[str] = (), instruments: dict[str, dict[str, Any]] | None = None
) -> Any:
    """Return the reference bench with quick instruments; `instruments` add options."""
    merged = {**QUICK}
    for name, options in (instruments or {}).items():
        merged[name] = {**merged.get(name, {}), **options}
    fields = ", ".join(f"{n}: {{options: {o}}}" for n, o in merged.items())
    config = load(
        "bb84_tiny",
        overrides=[
            f"simulation.instruments={{{fields}}}",
            "parties.alice.instruments.attenuator.options.shutter_settle_s=0.002",
            "parameters.calibration.settle_s=0.005",
            *(f"simulation.spread.{name}=0.0" for name in UNMEASURED),
            *(f"simulation.spread.{name}={width}" for name, width in NARROW.items()),
            *overrides,
        ],
    )
    known = [*config.calibration, *measured_before(config.calibration[0].time)]
    return config.model_copy(update={"calibration": known})


UNMEASURED = (
    "start_phase_ps",
    "laser_threshold_rel",
    "laser_slope_rel",
    "laser_power_db",
    "pulse_delay_ps",
    "rf_delay_ps",
    "detector_delay_ps",
    "modulator_phase_rad",
)
"""What calibration steps find; here the labels are true, so that none need run."""
NARROW = {
    "loss_db": 0.05,
    "extinction_db": 0.5,
    "v_pi_rel": 0.003,
    "amplifier_gain_rel": 0.002,
    "plate_zero_deg": 2.0,
    "detector_efficiency_rel": 0.005,
}
"""The same, where the records are as uncertain."""


def measured_before(time: datetime) -> list[CalibrationRecord]:
    """Return the records of steps that ran on such a bench."""
    found = {
        ("alice", "meter_offset_w"): (0.0, 1e-13),
        ("alice", "modulator_extinction"): (35.0, 0.5),
        ("alice", "intensity_v_pi"): (0.8, 0.004),
        ("alice", "polarization_v_pi"): (0.8, 0.004),
        ("alice", "laser_bias_ma"): (10.0, 0.1),
        ("alice", "modulator_null_v"): (0.0, 0.005),
        ("alice", "symbol_phase_deg"): (0.0, 5.0),
        ("bob", "efficiency_mismatch"): (0.0, 0.02),
    }
    return [
        CalibrationRecord(
            party=party,
            quantity=quantity,
            value=value,
            unit="1",
            uncertainty=uncertainty,
            time=time,
            valid_for_s=1e7,
            source="made up",
        )
        for (party, quantity), (value, uncertainty) in found.items()
    ]


class Work:
    """A bench with its stations; truth is the bench's, all else the drivers'."""

    def __init__(self, config: Any, seed: int) -> None:
        self.config = config
        self.parameters = config.parameters
        self.bench: SimulatedBench = open_bench(config, seed)
        self.clock = self.bench.clock
        self.stations: dict[str, Station] = {}

    def role(self, party: str, name: str) -> Any:
        return self.stations[party].roles[name]

    def calibrate(self) -> IntensityCalibration:
        """Let Alice measure her classes and set the attenuator."""
        ctx = context(self, "alice")
        zero_meter(ctx)
        light_on(ctx)
        return calibrate_intensities(
            self.role("alice", "transmitter"),
            self.role("alice", "attenuator"),
            self.role("alice", "tap_meter"),
            self.stations["alice"].calibration,
            self.parameters,
            self.clock,
            self.parameters.wavelength_nm,
        )

    def play(self, frame: NDArray[np.uint8], levels: IntensityCalibration) -> None:
        """Let Alice send a frame with her shutter open."""
        transmitter = self.role("alice", "transmitter")
        transmitter.upload(
            frame,
            levels.transmissions,
            samples_per_symbol=self.parameters.pattern.samples_per_symbol,
            symbol_period_ps=self.parameters.symbol_period_ps,
        )
        transmitter.start()
        self.role("alice", "attenuator").set_shutter_open(True)
        self.wait(2e-3)

    def true_photons(self, frame: NDArray[np.uint8]) -> list[float]:
        """Return the true mean photon number of each class of the frame sent."""
        photons, _ = self.bench.truth_light()
        classes = (frame >> 2) & 3
        return [float(photons[classes == k].mean()) for k in range(3)]

    def wait(self, seconds: float) -> None:
        self.clock.sleep_until(self.clock.now_ps() + round(seconds * 1e12))


@contextmanager
def at_work(
    config: Any,
    seed: int,
    parties: Sequence[str] = ("channel", "bob", "alice"),
    before: Callable[[SimulatedBench], None] | None = None,
) -> Iterator[Work]:
    """Open bench and stations; `before` may spoil the instruments beforehand."""
    work = Work(config, seed)
    with ExitStack() as stack:
        stack.callback(work.bench.close)
        if before is not None:
            before(work.bench)
        for party in parties:
            station = open_station(config, party, work.bench, lambda *_: None)
            work.stations[party] = stack.enter_context(station)
        if "alice" in parties:
            light_on(context(work, "alice"))
        yield work


class Notes:
    """A recorder that keeps results by name and forgets the rest."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}

    def result(self, name: str, value: Any) -> None:
        self.results[name] = value

    def monitor(self, name: str, value: float, t_ps: int) -> None:
        pass

    def tags(self, block: Any) -> None:
        pass

    def calibration(self, record: Any) -> None:
        pass

    def log(self, line: str) -> None:
        pass


def context(work: Work, party: str) -> Any:
    """Return what a program's steps need of their context, without a link."""
    station = work.stations[party]
    return SimpleNamespace(
        party=party,
        parameters=work.parameters,
        roles=station.roles,
        calibration=station.calibration,
        clock=work.clock,
        recorder=Notes(),
        progress=lambda what, done, total: None,
    )
