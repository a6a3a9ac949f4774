"""A bench of dice behind the real session: key blocks in a second, no instruments.

Everything of qkdlab runs but drivers and simulators: configuration, session, key
blocks, files, link. Its transmitter can send a new setting with every pulse, which no
bench of the project can, so whole runs of class secure exist here. `install` puts the
plug-ins where qkdlab looks for them; `tests/quick_main.py` is the command line with
them.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from qkdlab.clock import VirtualClock
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.symbols import basis_of, intensity_of, value_of
from qkdlab.roles.bias import BiasSourceCapabilities
from qkdlab.roles.needs import Needs
from qkdlab.roles.spec import DriverSpec, Endpoint
from qkdlab.session.experiment import Experiment, PartyContext, PartyResult
from qkdlab.timetags.block import TagBlock
from qkdlab_experiments.bb84 import EXPERIMENT as BB84
from qkdlab_experiments.parameters import Bb84Parameters

MEAN_PHOTONS = (0.5, 0.2, 0.002)
EFFICIENCY = 0.8
ERROR, X_SHARE, DARK = 0.01, 0.5, 1e-6
DELAYS_PS = (0, 310, 740, 150)
"""Of the detectors: what betrays them in the fine times of tags."""
LIGHT_DELAY_PS = 123_450
JITTER_PS = 20.0
CHANNELS = ((0, 0), (0, 1), (1, 0), (1, 1))
SYMBOLS = 800_000
BIAS_UA, DARK_HZ = 22.0, DARK * 1e8


def _record(party: str, quantity: str, value: float, uncertainty: float) -> str:
    return f"""  - party: {party}
    quantity: {quantity}
    value: {value}
    unit: "1"
    uncertainty: {uncertainty}
    time: "2026-11-01T09:00:00Z"
    valid_for_s: 315360000
    source: made up
"""


RECORDS = "".join(
    [
        _record("alice", "meter_offset_w", 0.0, 0.0),
        _record("bob", "efficiency_mismatch", 0.0, 0.01),
        *(_record("bob", f"delay_ps_{c}", DELAYS_PS[c], 5.0) for c in range(4)),
        *(_record("bob", f"bias_ua_{d}", BIAS_UA, 0.01) for d in range(4)),
        *(_record("bob", f"dark_rate_hz_{d}", DARK_HZ, 10.0) for d in range(4)),
    ]
)

CONFIG = f"""
schema: 1
name: quick
experiment: quick
bench: quick
key_class: KEY_CLASS
parameters:
  duration_s: {SYMBOLS * 1e-8}
  pattern: {{symbols: {SYMBOLS}, header_symbols: 4096}}
  intensities:
    signal: {{mean_photon_number: 0.5, probability: 0.4}}
    decoy: {{mean_photon_number: 0.2, probability: 0.4}}
    vacuum: {{mean_photon_number: 0.002, probability: 0.2}}
  basis_x_probability: 0.5
  detection: {{blank_ps: 5000, bias_ua: {[BIAS_UA] * 4}, tag_block_s: 0.004}}
  distillation: {{epsilon_secrecy: 1.0e-6, frame_bits: 16384}}
  limits: {{cross_click_fraction_max: 0.3, double_click_fraction_max: 0.3}}
  calibration:
    sync_s: {SYMBOLS * 1e-8}
    settle_s: 0.001
  # dice do not drift, and there are no plates and no bias to follow
  tracking: {{plates: false, bias: false}}
parties:
  alice:
    instruments: {{sender: {{driver: quick.sender}}}}
    roles:
      transmitter: {{instrument: sender}}
      attenuator: {{instrument: sender}}
      tap_meter: {{instrument: sender}}
  bob:
    instruments: {{taker: {{driver: quick.taker}}}}
    roles:
      receiver: {{instrument: taker}}
      detectors: {{instrument: taker}}
calibration:
{RECORDS}wiring: {{parts: {{}}, cables: []}}
"""


def config_file(folder: Path, key_class: str) -> Path:
    """Write the configuration of a run of a class; return its path."""
    path = folder / f"quick_{key_class}.yaml"
    path.write_text(CONFIG.replace("KEY_CLASS", key_class), "utf-8")
    return path


class QuickParameters(Bb84Parameters):
    """A frame as long as a block: no setting is ever sent twice."""

    error: float = ERROR
    error_in_block: int | None = None
    """Only in this block; None in all."""
    alarm_in_block: int | None = None
    """In the middle of it the interlock trips."""

    @property
    def settings_repeat(self) -> bool:
        return self.n_frames > 1


class World:
    """Light from one sender to one receiver."""

    def __init__(self, seed: int | None, parameters: QuickParameters) -> None:
        self.rng = np.random.default_rng(seed)
        self.parameters = parameters
        self.frame: NDArray[np.uint8] | None = None
        self.is_lit = False
        self.blocks = 0

    def clicks(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return tags of one frame: public symbols first, then the pattern, once."""
        assert self.frame is not None
        symbols = self.frame
        if number == 0:
            header = self.parameters.pattern.header_symbols
            symbols = np.concatenate(
                [symbols[:header], self.rng.permutation(symbols[header:])]
            )
        probability = self._probabilities(symbols)
        if number > 1 or not self.is_lit:
            probability[:] = DARK
        slot, detector = np.nonzero(self.rng.random(probability.shape) < probability)
        p = self.parameters
        t = number * p.frame_ps + slot * p.symbol_period_ps + LIGHT_DELAY_PS
        jitter = self.rng.normal(0.0, JITTER_PS, slot.size)
        t = t + np.take(DELAYS_PS, detector) + np.rint(jitter).astype(np.int64)
        order = np.argsort(t, kind="stable")
        return t[order], detector[order].astype(np.uint8)

    def _probabilities(self, symbols: NDArray[np.uint8]) -> NDArray[np.float64]:
        mean = np.take(MEAN_PHOTONS, intensity_of(symbols)) * EFFICIENCY
        basis, value = basis_of(symbols), value_of(symbols)
        wrong = self.parameters.error
        if self.parameters.error_in_block not in (None, self.blocks - 1):
            wrong = ERROR
        share = np.empty((symbols.size, 4))
        for detector, (arm, bit) in enumerate(CHANNELS):
            right = np.where(value == bit, 1 - wrong, wrong)
            split = X_SHARE if arm == 0 else 1 - X_SHARE
            share[:, detector] = split * np.where(basis == arm, right, 0.5)
        return np.asarray(1 - np.exp(-mean[:, None] * share) + DARK)


class _Line:
    """A connection that carries nothing: the drivers of this bench share the world."""

    name = "none"

    def write(self, data: bytes) -> None: ...
    def read(self, n_max: int, timeout_s: float) -> bytes:
        return b""

    def close(self) -> None: ...


class Bench:
    """The world with a clock; the latest is the one that drivers work on."""

    latest: Bench

    def __init__(self, config: Any, seed: int | None) -> None:
        self.clock = VirtualClock()
        self.world = World(seed, config.parameters)
        type(self).latest = self

    def connect(self, party: str, connection: str, endpoint: str) -> Any:
        return _Line()

    def close(self) -> None: ...


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Driver:
    def __init__(self, name: str, connections: Any, options: Any, clock: Any) -> None:
        self.name = name
        self.clock = clock
        self.world = Bench.latest.world

    def identify(self) -> dict[str, str]:
        return {"model": "dice"}

    def safe_state(self) -> None: ...
    def close(self) -> None: ...


class Sender(_Driver):
    """Transmitter, attenuator and tap meter in one."""

    resolution_db = 0.1
    pattern: NDArray[np.uint8]

    def upload(
        self, settings: NDArray[np.uint8], transmissions: Any, **how: Any
    ) -> None:
        self.pattern = settings.copy()

    def start(self) -> None:
        # shorter ones are for the meter
        if self.pattern.size == SYMBOLS:
            self.world.frame = self.pattern
            self.world.blocks += 1

    def stop(self) -> None: ...

    def set_shutter_open(self, is_open: bool) -> None:
        self.world.is_lit = is_open

    def get_shutter_open(self) -> bool:
        return self.world.is_lit

    def get_attenuation_db(self) -> float:
        return 30.0

    def attenuator_capabilities(self) -> Any:
        return self

    def settling_time_s(self) -> float:
        return 0.0

    def read_power_w(self, n: int) -> list[float]:
        mean = np.take(MEAN_PHOTONS, intensity_of(self.pattern)).mean() * 1e-6
        return (mean * (1 + 1e-6 * np.arange(n) / n)).tolist()


class Taker(_Driver):
    """Receiver and bias source in one."""

    channels = CHANNELS
    bias_ua: tuple[float, ...] = (0.0,) * len(CHANNELS)

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        self._position_ps = 0
        self._begin_ps = self.clock.now_ps()
        self._frames: dict[int, Any] = {}

    def read(self, duration_ps: int) -> TagBlock:
        begin, end = self._position_ps, self._position_ps + duration_ps
        self._trip_if_wanted(end)
        self._position_ps = end
        self.clock.sleep_until(self._begin_ps + end)
        frame_ps = self.world.parameters.frame_ps
        parts = []
        # the light is late: what comes now may have left in the frame before
        for number in range(max(0, begin // frame_ps - 1), end // frame_ps + 1):
            if number not in self._frames:
                self._frames[number] = self.world.clicks(number)
            t, ch = self._frames[number]
            first, last = np.searchsorted(t, [begin, end]).tolist()
            parts.append((t[first:last], ch[first:last]))
        t = np.concatenate([t for t, _ in parts])
        ch = np.concatenate([ch for _, ch in parts])
        order = np.argsort(t, kind="stable")
        return TagBlock(t[order], ch[order], begin, end)

    def _trip_if_wanted(self, t_ps: int) -> None:
        p = self.world.parameters
        if p.alarm_in_block == self.world.blocks - 1 and t_ps > 1.5 * p.frame_ps:
            self.safe_state()
            raise SecurityAbort(AbortCode.DETECTOR_ALARM, "detector 2 has latched")

    def safe_state(self) -> None:
        self.bias_ua = (0.0,) * len(CHANNELS)

    def stop(self) -> None: ...
    def set_enabled(self, is_on: bool) -> None: ...

    def set_bias_ua(self, bias_ua: list[float]) -> None:
        self.bias_ua = tuple(bias_ua)

    def get_bias_ua(self) -> list[float]:
        return list(self.bias_ua)

    def get_voltages_mv(self) -> list[float]:
        return [0.0] * len(CHANNELS)

    def bias_capabilities(self) -> BiasSourceCapabilities:
        return BiasSourceCapabilities(len(CHANNELS), 50.0, 10)

    def count_rates_hz(self, duration_s: float) -> list[float]:
        self.clock.sleep_until(self.clock.now_ps() + round(duration_s * 1e12))
        return [DARK_HZ if bias_ua == BIAS_UA else 0.0 for bias_ua in self.bias_ua]


def _alice(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.blocks_alice import alice_blocks
    from qkdlab_experiments.intensity import IntensityCalibration, TapReadings

    watts = tuple(1e-6 * mu for mu in MEAN_PHOTONS)
    transmissions = {k: mu / MEAN_PHOTONS[0] for k, mu in enumerate(MEAN_PHOTONS)}
    levels = IntensityCalibration(
        readings=TapReadings(watts, (1e-12,) * 3, transmissions),
        mean=MEAN_PHOTONS,
        intervals=tuple((0.99 * mu, 1.01 * mu) for mu in MEAN_PHOTONS),
        coverage=0.99,
        attenuation_db=30.0,
    )
    return alice_blocks(ctx, levels)


def _bob(ctx: PartyContext[Any]) -> PartyResult:
    from qkdlab_experiments.blocks_bob import bob_blocks

    return bob_blocks(ctx)


_TRANSMITTER = dict.fromkeys(("transmitter", "attenuator", "tap_meter"), "Quick")
EXPERIMENT = Experiment(
    name="quick",
    parameters=QuickParameters,
    programs={"alice": _alice, "bob": _bob},
    replays=BB84.replays,
    needs={
        "alice": Needs(roles=_TRANSMITTER),
        "bob": Needs(roles={"receiver": "Quick", "detectors": "Quick"}),
    },
)
_LINE = {"control": Endpoint("bytes")}
DRIVERS = (
    DriverSpec("quick.sender", "S", ("Quick",), _LINE, NoOptions, "quick_bench:Sender"),
    DriverSpec("quick.taker", "T", ("Quick",), _LINE, NoOptions, "quick_bench:Taker"),
)


class _Entry:
    dist = None

    def __init__(self, name: str, loaded: Any) -> None:
        self.name = name
        self.value = f"quick_bench:{name}"
        self._loaded = loaded

    def load(self) -> Any:
        return self._loaded


_ADDED: dict[str, list[_Entry]] = {
    "qkdlab.benches": [_Entry("quick", Bench)],
    "qkdlab.experiments": [_Entry("quick", EXPERIMENT)],
    "qkdlab.drivers": [_Entry("quick", DRIVERS)],
}


def install(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Add the plug-ins of this module; `put` may undo it, as monkeypatch does."""
    import qkdlab.station.qcodes_station as snapshots

    known = importlib.metadata.entry_points

    def entry_points(**asked: str) -> Any:
        added = _ADDED.get(asked.get("group", ""))
        return [*known(**asked), *added] if added else known(**asked)

    put(importlib.metadata, "entry_points", entry_points)
    put(snapshots, "snapshot", lambda instruments: {name: {} for name in instruments})
