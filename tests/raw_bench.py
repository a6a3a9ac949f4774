"""The reference bench used by hand: raw bytes to each instrument, no driver."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from world_stubs import UNPOLARIZED, packaged_bench

from qkdlab.transport.base import ByteTransport, MessageTransport
from qkdlab.wiring.parts import Wiring
from qkdlab_sims.bench.simulated import SimulatedBench
from qkdlab_sims.plugin import open_bench
from qkdlab_sims.sections import SimulationSection


def config(data: dict[str, Any] | None = None, **simulation: Any) -> Any:
    """What the bench reads of a configuration, without loading any driver."""
    data = packaged_bench() if data is None else data
    section = SimulationSection.model_validate(data["simulation"] | simulation)
    parties = {
        party: SimpleNamespace(
            instruments={
                name: SimpleNamespace(
                    driver=fields["driver"],
                    bus=fields.get("bus"),
                    options=SimpleNamespace(**fields.get("options", {})),
                )
                for name, fields in station["instruments"].items()
            }
        )
        for party, station in data["parties"].items()
    }
    return SimpleNamespace(
        parties=parties,
        wiring=Wiring.model_validate(data["wiring"]),
        sections={"simulation": section},
    )


ALIGNED = {
    "loss_db": 0.05,
    "v_pi_rel": 0.003,
    "amplifier_gain_rel": 0.002,
    "start_phase_ps": 300.0,
    "laser_threshold_rel": 0.0,
    "laser_slope_rel": 0.0,
    "laser_power_db": 0.0,
    "pulse_delay_ps": 0.0,
    "rf_delay_ps": 0.0,
    "detector_delay_ps": 0.0,
    "modulator_phase_rad": 0.0,
}
"""Spreads of a bench on which the labels serve: nothing need be searched for."""


class ByHand:
    """Somebody at the aligned bench with all manuals and no driver.

    is_on: whether clock, laser, bias, delay generator and channel are brought up
    parts: changed fields of the wiring's parts, or whole parts with a kind
    cables: the wiring's optical cables by where they end: where they begin, and more
    """

    def __init__(
        self,
        seed: int = 1,
        is_on: bool = True,
        parts: Mapping[str, dict[str, Any]] | None = None,
        cables: Mapping[str, dict[str, Any]] | None = None,
        **simulation: Any,
    ) -> None:
        data = packaged_bench()
        wired = data["wiring"]["parts"]
        for changed in (UNPOLARIZED, parts or {}):
            for part, fields in changed.items():
                wired[part] = fields if "kind" in fields else wired[part] | fields
        for target, fields in (cables or {}).items():
            wiring = data["wiring"]
            others = [c for c in wiring["cables"] if c["to"] != target]
            new = {"to": target, "kind": "optical"} | fields
            wiring["cables"] = [*others, new]
        simulation = {"spread": data["simulation"]["spread"] | ALIGNED} | simulation
        self.bench: SimulatedBench = open_bench(config(data, **simulation), seed)
        self.clock = self.bench.clock
        if is_on:
            self.switch_on()

    def switch_on(self) -> None:
        """Bring the bench to pulses below the laser's threshold and a frame mark."""
        for command in ("FREQ 100E6", "AMPR 13", "PHAS 0", "ENBR 1"):
            self.scpi("alice", "clock", command)
        for command in ("TSRC 1", "TLVL 1", "DLAY 2,0,0", "DLAY 3,2,1E-7", "LAMP 1,1"):
            self.scpi("alice", "sync_delay", command)
        for command in ("VOLT 0", "SOUT 1"):
            self.scpi("alice", "bias", command)
        for command in ("ldelay 10", "tecon 1", "ilmax 60", "ilaser 10", "lason 1"):
            self.ask("alice", "laser", command, b">>")
        for command in ("H", "A2.00"):
            self.ask("channel", "attenuator", command, b"Done\r\n")
        self.clock.sleep_until(self.clock.now_ps() + 50_000_000_000)

    def ask(self, party: str, name: str, command: str, end: bytes) -> str:
        """Send a line and read up to the end of the answer."""
        line: ByteTransport = self.line(party, name)
        line.write(command.encode() + b"\r\n")
        answer = b""
        while not answer.endswith(end):
            piece = line.read(4096, 40.0)
            assert piece, "no answer"
            answer += piece
        return answer.decode()

    def line(self, party: str, connection: str, endpoint: str = "control") -> Any:
        return self.bench.connect(party, connection, endpoint)

    def scpi(self, party: str, name: str, command: str | bytes) -> str:
        """Send a command; return the answer to a question."""
        line: ByteTransport = self.line(party, name)
        data = command.encode() if isinstance(command, str) else command
        line.write(data + b"\n")
        if not data.endswith(b"?"):
            return ""
        answer = b""
        while not answer.endswith(b"\n"):
            piece = line.read(4096, 30.0)
            assert piece, "no answer"
            answer += piece
        return answer.decode().strip()

    def play(self, intensity_v: NDArray[Any], phase_v: NDArray[Any]) -> None:
        """Load ten samples a symbol on both channels and start them together."""
        for channel, levels in ((1, intensity_v), (2, phase_v)):
            high = max(float(np.max(levels)), 1e-3)
            codes = np.rint(np.repeat(levels, 10) / high * 32767).astype(">i2")
            block = codes.tobytes()
            size = str(len(block))
            source = f"SOUR{channel}:"
            for command in (
                f"OUTP{channel} OFF",
                f"OUTP{channel}:LOAD 50",
                f"{source}DATA:VOL:CLE",
                "FORM:BORD NORM",
                f"{source}DATA:ARB:DAC P{channel},#{len(size)}{size}".encode() + block,
                f"{source}FUNC:ARB P{channel}",
                f"{source}FUNC ARB",
                f"{source}FUNC:ARB:FILT STEP",
                f"{source}FUNC:ARB:SRAT 1E9",
                f"{source}VOLT {2 * high:.9f}",
                f"{source}VOLT:OFFS 0",
            ):
                self.scpi("alice", "awg", command)
        for command in ("FUNC:ARB:SYNC", "OUTP1 ON", "OUTP2 ON"):
            self.scpi("alice", "awg", command)
        assert self.scpi("alice", "awg", "SYST:ERR?").startswith("+0")

    def light(self, attenuation_db: float, is_open: bool = True) -> None:
        """Set the attenuation behind a closed shutter, then the shutter."""
        shutter = "OUTP ON" if is_open else "OUTP OFF"
        for command in ("OUTP OFF", f"INP:ATT {attenuation_db} DB", shutter):
            self.scpi("alice", "attenuator", command)
            assert self.scpi("alice", "attenuator", "*OPC?") == "1"

    def tap_power_w(self) -> float:
        """Read the meter at the tap."""
        self.scpi("alice", "tap_meter", "SENS:CORR:WAV 1550.12")
        return float(self.scpi("alice", "tap_meter", "READ?"))

    def bias(self, currents_ua: list[float]) -> None:
        """Set and enable the bias."""
        self.websq({"command": "SetAllBiasCurrents", "value": currents_ua})
        self.websq({"command": "DetectorEnable", "value": True})

    def websq(self, message: dict[str, Any]) -> dict[str, Any]:
        """Exchange JSON objects closed by ETB."""
        line: ByteTransport = self.line("bob", "websq")
        line.write(json.dumps(message).encode())
        answer = b""
        while not answer.endswith(b"\x17"):
            piece = line.read(4096, 5.0)
            assert piece, "no answer"
            answer += piece
        first: dict[str, Any] = json.loads(answer.split(b"\x17")[0])
        return first

    def count_rates_hz(self, n_lines: int) -> NDArray[np.float64]:
        """Average fresh lines of the counts port (100 ms each)."""
        line: ByteTransport = self.line("bob", "websq", "counts")
        while line.read(65536, 0.0):
            pass
        text = b""
        while text.count(b"\n") < n_lines + 1:
            text += line.read(4096, 5.0)
        rows = [r.split(b",")[1:] for r in text.split(b"\n")[1 : n_lines + 1]]
        return np.array(rows, float).mean(axis=0) / 0.1

    def turn(self, address: int, angle_deg: float) -> None:
        """Turn one plate and wait for its answer."""
        line: ByteTransport = self.line("bob", "plates")
        pulses = round(angle_deg / 360 * 143_360)
        line.write(f"{address:X}ma{pulses:08X}".encode())
        answer = b""
        while not answer.endswith(b"\r\n"):
            answer += line.read(64, 10.0)
        assert answer.startswith(f"{address:X}PO".encode())

    def say(self, endpoint: str, text: str) -> str:
        """Exchange messages with the time controller."""
        line: MessageTransport = self.line("bob", "tagger", endpoint)
        line.send(text.encode())
        answer = line.receive(5.0)
        assert answer is not None
        return answer.decode()

    def prepare_tags(self) -> None:
        """Stream all four inputs, referred to START."""
        for text in ("REC:TRIG:ARM:MODE MANU", "REC:ENAB ON", "REC:STOP"):
            self.say("control", text)
        for n in (1, 2, 3, 4):
            self.say("control", f"RAW{n}:INPO:REF:LINK STAR")
            self.say("control", f"RAW{n}:INPO:STOP:LINK INPU{n}")
            self.say("control", f"RAW{n}:SEND ON")
            self.say(
                "datalink",
                f"start-stream --address 127.0.0.1 --channel {n} "
                f"--stream-port {5555 + n} --with-ref-index",
            )
        self.say("control", "REC:NUM INF")

    def tags(self, duration_s: float, step_s: float = 0.05) -> list[NDArray[np.uint64]]:
        """Record; return per input uint64[n, 2] of (time since START, START index).

        `step_s`: how long each look at the streams waits; changes nothing but the
        batches in which the world runs.
        """
        self.say("control", "REC:PLAY")
        end_ps = self.clock.now_ps() + round(duration_s * 1e12)
        blocks: dict[int, list[bytes]] = {n: [] for n in (1, 2, 3, 4)}

        def drain() -> None:
            for n, found in blocks.items():
                line: MessageTransport = self.line("bob", "tagger", f"stream{n}")
                while (message := line.receive(0.0)) is not None:
                    found.append(message)

        while self.clock.now_ps() < end_ps:
            wake_ps = self.clock.now_ps() + round(step_s * 1e12)
            self.clock.sleep_until(min(wake_ps, end_ps))
            drain()
        self.say("control", "REC:STOP")
        self.clock.sleep_until(self.clock.now_ps() + 10_000_000_000)
        drain()
        return [
            np.frombuffer(b"".join(found), "<u8").reshape(-1, 2)
            for found in blocks.values()
        ]
