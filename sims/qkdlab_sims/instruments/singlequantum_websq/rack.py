"""What a WebSQ knows and does: labels, requests, commands, scans.

Labels, requests and commands: the vendor's client and its QCoDeS class [code]. Error
texts, power-up values and times are [guess].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from qkdlab_sims.instruments.singlequantum_websq.detectors import MEASURED, Nanowire
from qkdlab_sims.instruments.singlequantum_websq.scans import dark_scan, scan_currents

__all__ = ["Message", "Rack"]

_MS = 1_000_000_000
_BIAS_LIMIT_UA = 90.9
_PERIOD_MIN_MS = 10

Message = dict[str, Any]
"""A JSON object."""


class Rack:
    """State of the driver rack; the options are those of the simulator."""

    def __init__(
        self,
        *,
        rng: np.random.Generator,
        n_detectors: int,
        detectors: Sequence[Nanowire] | None,
        bias_step_ua: float,
        auto_iv_s: float,
        epoch_unix_s: float,
    ) -> None:
        source = detectors if detectors is not None else MEASURED
        self.n_detectors = n_detectors
        self.wires = [replace(source[i % len(source)]) for i in range(n_detectors)]
        self.on_bias: Callable[[int], None] = lambda now_ps: None
        self.on_period: Callable[[int], None] = lambda now_ps: None
        self.voltages_mv: Callable[[int], Sequence[float]] = self.own_voltages_mv
        self.labels = _power_up_labels(n_detectors)
        self._rng = rng
        self._bias_step_ua = bias_step_ua
        self._auto_iv_ps = round(auto_iv_s * 1000 * _MS)
        self._epoch_unix_s = epoch_unix_s
        self._histories: dict[str, list[dict[str, float]]] = {
            "ic_scan_history": [],
            "iv_scan_history": [],
        }
        self._jobs: dict[str, int] = {}

    def bias_ua(self) -> list[float]:
        """Return the currents through the detectors; zero when switched off."""
        if not self.labels["DetectorEnable"]["value"]:
            return [0.0] * self.n_detectors
        return list(self.labels["BiasCurrent"]["value"])

    def own_voltages_mv(self, now_ps: int) -> list[float]:
        """Return the voltages of the rack's own model."""
        del now_ps
        return [wire.voltage_mv() for wire in self.wires]

    def period_ps(self) -> int:
        """Return the measurement period."""
        return round(float(self.labels["InptMeasurementPeriod"]["value"]) * _MS)

    def unix_time_s(self, t_ps: int) -> float:
        """Return the wall time at `t_ps`."""
        return self._epoch_unix_s + t_ps / (1000 * _MS)

    def answer(self, message: Message | None, now_ps: int) -> list[Message]:
        """Do what a client's object asks; return the objects to send, in order."""
        if message is None:
            return [_error("message is not a JSON object")]
        if "request" in message:
            return self._answer_request(str(message["request"]), now_ps)
        command = str(message.get("command", message.get("label")))
        try:
            label = self._obey(command, message.get("value"), now_ps)
        except (TypeError, ValueError) as error:
            return [_error(f"{command}: {error}")]
        return [self._update(label)]

    def next_job_ps(self) -> int | None:
        """Return when a scan or search will have finished."""
        return min(self._jobs.values(), default=None)

    def settle(self, now_ps: int) -> list[Message]:
        """Finish scans and searches that are due; return what is broadcast."""
        out: list[Message] = []
        for label, end_ps in list(self._jobs.items()):
            if end_ps > now_ps:
                continue
            del self._jobs[label]
            self.labels[label]["value"] = False
            out.append(self._update(label))
            if label == "StartAutoIV":
                self._finish_auto_iv(end_ps)
                out += [self._update("BiasCurrentAutoIV"), self._update("BiasCurrent")]
            else:
                self._finish_scan()
        return out

    def _answer_request(self, request: str, now_ps: int) -> list[Message]:
        voltages = [float(v) for v in self.voltages_mv(now_ps)]
        self.labels["BiasVoltage"]["value"] = voltages
        if request == "labelProps":
            return [{"label": k, "value": dict(v)} for k, v in self.labels.items()]
        if request == "IVHistory":
            return [{"label": k, "value": v} for k, v in self._histories.items()]
        if request == "TemperatureHistory":
            label = "temperature_long_memory"
            return [{"label": label, "value": self._temperatures(now_ps)}]
        if request in self.labels:
            return [self._update(request)]
        return [_error(f"unknown request {request}")]

    def _obey(self, command: str, value: Any, now_ps: int) -> str:
        """Do a command; return the label that it changed."""
        match command:
            case "SetMeasurementPeriod" | "InptMeasurementPeriod":
                if _number(value) < _PERIOD_MIN_MS:
                    raise ValueError(f"measurement period below {_PERIOD_MIN_MS} ms")
                self.on_period(now_ps)
                return self._store("InptMeasurementPeriod", value)
            case "SetAllBiasCurrents" | "BiasCurrent":
                self._set_bias(self._vector(value, _BIAS_LIMIT_UA), now_ps)
                return "BiasCurrent"
            case "SetAllTriggerLevels" | "TriggerLevel":
                return self._store("TriggerLevel", self._vector(value, 1000.0))
            case "DetectorEnable":
                self._store("DetectorEnable", _truth(value))
                self._apply_bias(now_ps)
                return "DetectorEnable"
            case "DarkCountsAutoIV":
                return self._store("DarkCountsAutoIV", self._vector(value, 1e7))
            case "AutoCaliBiasCurrents":
                end_ps = now_ps + self._auto_iv_ps
                return self._start("StartAutoIV", _truth(value), end_ps)
            case "IVScanStart" | "IVScanEnd" | "IVScanIncrement":
                return self._store(command, _number(value))
            case "IVScanEnable":
                end_ps = now_ps + len(self._scan_currents()) * self.period_ps()
                return self._start("IVScanEnable", _truth(value), end_ps)
            case _:
                raise ValueError("unknown command")

    def _store(self, label: str, value: Any) -> str:
        self.labels[label]["value"] = value
        return label

    def _start(self, label: str, start: bool, end_ps: int) -> str:
        self._jobs.pop(label, None)
        if start:
            self._jobs[label] = end_ps
        return self._store(label, start)

    def _set_bias(self, currents_ua: list[float], now_ps: int) -> None:
        step = self._bias_step_ua
        steps = [round(i / step) for i in currents_ua]
        self._store("BiasCurrent", [round(n * step, 6) for n in steps])
        self._apply_bias(now_ps)

    def _apply_bias(self, now_ps: int) -> None:
        for wire, current in zip(self.wires, self.bias_ua(), strict=True):
            wire.set_bias(current)
        self.on_bias(now_ps)

    def _finish_auto_iv(self, now_ps: int) -> None:
        targets = self.labels["DarkCountsAutoIV"]["value"]
        pairs = zip(self.wires, targets, strict=True)
        self._set_bias([w.bias_for_dark_rate(target) for w, target in pairs], now_ps)
        self._store("BiasCurrentAutoIV", self.labels["BiasCurrent"]["value"])

    def _scan_currents(self) -> list[float]:
        names = ("IVScanStart", "IVScanEnd", "IVScanIncrement")
        return scan_currents(*(float(self.labels[n]["value"]) for n in names))

    def _finish_scan(self) -> None:
        period_s = self.period_ps() / (1000 * _MS)
        ic, iv = dark_scan(self.wires, self._scan_currents(), period_s, self._rng)
        self._histories = {"ic_scan_history": ic, "iv_scan_history": iv}

    def _temperatures(self, now_ps: int) -> Message:
        """Return the last ten minutes: about 2.5 K and 40 K, board in celsius."""
        now = datetime.fromtimestamp(self.unix_time_s(now_ps), UTC)
        times = [now - timedelta(minutes=9 - k) for k in range(10)]
        steady = {"T": 2.5, "T2": 40.0, "V_avrg": 0.01, "BoardTemp1": 31.0}
        series: Message = {k: [v] * 10 for k, v in steady.items()}
        series["BoardTemp2"] = [32.0] * 10
        series["x"] = [t.strftime("%d-%b-%y %H:%M:%S.%f") for t in times]
        return series

    def _vector(self, value: Any, limit: float) -> list[float]:
        if not isinstance(value, list) or len(value) != self.n_detectors:
            raise ValueError(f"value must be a list of {self.n_detectors} numbers")
        numbers = [_number(v) for v in value]
        if any(abs(v) > limit for v in numbers):
            raise ValueError(f"value beyond {limit:g}")
        return numbers

    def _update(self, label: str) -> Message:
        return {"label": label, "value": self.labels[label]["value"]}


def _power_up_labels(n: int) -> dict[str, Message]:
    """Return every label with its value, bounds and unit."""
    zeros = [0.0] * n
    bounds = [-_BIAS_LIMIT_UA, _BIAS_LIMIT_UA]
    return {
        "NumberOfDetectors": {"value": n},
        "InptMeasurementPeriod": {"value": 100, "min": _PERIOD_MIN_MS, "unit": "ms"},
        "BiasCurrent": {"value": zeros, "bounds": bounds, "unit": "uA"},
        "TriggerLevel": {"value": [100.0] * n, "unit": "mV"},
        "BiasVoltage": {"value": zeros, "unit": "mV"},
        "DetectorEnable": {"value": False},
        "DarkCountsAutoIV": {"value": [100.0] * n, "unit": "1/s"},
        "StartAutoIV": {"value": False},
        "BiasCurrentAutoIV": {"value": zeros, "unit": "uA"},
        "IVScanEnable": {"value": False},
        "IVScanStart": {"value": 0.0, "unit": "uA"},
        "IVScanEnd": {"value": 35.0, "unit": "uA"},
        "IVScanIncrement": {"value": 0.1, "unit": "uA"},
    }


def _error(text: str) -> Message:
    return {"label": "ErrorMessage", "value": text}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("value must be a number")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("value must be true or false")
    return value
