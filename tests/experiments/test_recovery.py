"""When detectors count as well after an interlock tripped, and in a scan's light."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab_experiments.calibration.detectors import refuse_ill
from qkdlab_experiments.parameters import Recovery
from qkdlab_experiments.recovery import recover_detectors

DARK_HZ, UNCERTAINTY_HZ = 100.0, 14.0


class Wires:
    """Four wires that count in the dark as a test wants."""

    def __init__(self, rate_hz: float = DARK_HZ, latched: int | None = None) -> None:
        self.rate_hz = rate_hz
        self.latched = latched
        self.is_safe = False

    def bias_capabilities(self) -> Any:
        return SimpleNamespace(n_detectors=4)

    def set_bias_ua(self, currents_ua: list[float]) -> None: ...

    def set_enabled(self, enabled: bool) -> None: ...

    def count_rates_hz(self, duration_s: float) -> list[float]:
        return [DARK_HZ, DARK_HZ, self.rate_hz, DARK_HZ]

    def get_voltages_mv(self) -> list[float]:
        return [3000.0 if d == self.latched else 8.0 for d in range(4)]

    def safe_state(self) -> None:
        self.is_safe = True


def on_bench(wires: Wires, drift: float = 0.25) -> Any:
    record = SimpleNamespace(value=DARK_HZ, uncertainty=UNCERTAINTY_HZ)
    return SimpleNamespace(
        parameters=SimpleNamespace(
            recovery=Recovery(attempts=1, dark_drift=drift),
            calibration=SimpleNamespace(dark_count_s=0.5),
            detection=SimpleNamespace(max_dark_rate_hz=1000.0, predicted_rate_hz=4e6),
        ),
        roles={"detectors": wires},
        calibration=SimpleNamespace(
            value=lambda quantity: 20.0, record=lambda quantity: record
        ),
        recorder=SimpleNamespace(monitor=lambda *_: None),
        clock=SimpleNamespace(now_ps=lambda: 0, sleep_until=lambda t_ps: None),
    )


# noise: sqrt((230 + 100) / 0.5 s + 14^2) = 29 Hz, four of which are 117 Hz
def test_a_dark_rate_within_noise_and_drift_is_well() -> None:
    recover_detectors(on_bench(Wires(DARK_HZ + 130.0)))


def test_the_same_rate_is_ill_where_no_drift_is_allowed() -> None:
    with pytest.raises(SecurityAbort, match="do not recover"):
        recover_detectors(on_bench(Wires(DARK_HZ + 130.0), drift=0.0))


def test_a_dark_rate_beyond_noise_and_drift_is_ill() -> None:
    wires = Wires(DARK_HZ + 200.0)
    with pytest.raises(SecurityAbort) as caught:
        recover_detectors(on_bench(wires))
    assert caught.value.code is AbortCode.DETECTOR_ALARM
    assert caught.value.numbers["allowed_hz"] == pytest.approx(151.0, abs=3.0)
    assert wires.is_safe


def test_a_wire_that_sees_nothing_is_ill_however_uncertain_its_record_is() -> None:
    # 0.5 s: 115 counts were due, and 4 sigma with drift allow 230 Hz less
    with pytest.raises(SecurityAbort, match="do not recover"):
        recover_detectors(on_bench(Wires(0.0), drift=0.6))


def test_a_latched_wire_in_the_light_ends_the_scan_with_detectors_off() -> None:
    wires = Wires(latched=1)
    with pytest.raises(SecurityAbort, match="detector 1 has latched"):
        refuse_ill(on_bench(wires), [2e5, 0.0, 2e5, 2e5])
    assert wires.is_safe


def test_a_wire_that_counts_little_but_has_not_latched_is_well() -> None:
    refuse_ill(on_bench(Wires()), [2e5, 100.0, 2e5, 2e5])


def test_too_many_counts_end_the_scan_with_detectors_off() -> None:
    wires = Wires()
    with pytest.raises(SecurityAbort, match="rate above the limit"):
        refuse_ill(on_bench(wires), [2e6, 2e6, 2e6, 1e6])
    assert wires.is_safe
