"""Two parties on fake instruments that meet over TCP, each in a thread of its own."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from fake_run import KeyParty, fake_instruments
from pydantic import BaseModel
from station_fakes import FakeBench, block, instrument

import qkdlab.session.together
import qkdlab.station.open
from qkdlab.bits.array import BitArray
from qkdlab.clock import RealClock
from qkdlab.config.models import RunConfig, StationConfig
from qkdlab.link.effects import KeyBlock
from qkdlab.link.tcp_open import PeerAddress
from qkdlab.session.credentials import Credentials
from qkdlab.session.experiment import Experiment, PartyResult
from qkdlab.session.meeting import Meeting
from qkdlab.session.one import play_one
from qkdlab.wiring.parts import Wiring

DEADLINE_S = 60.0


class Parameters(BaseModel):
    duration_s: float = 2.0
    gate_ps: int = 1000


def program(ctx):
    """Exchange a word, then make a key."""
    ctx.conversation.send("hello")
    ctx.conversation.receive("hello")
    ctx.recorder.tags(block([1, 2, 3], 0, 10))
    key = KeyBlock("k-1", 0, BitArray.from_bytes(b"\x5a" * 8, 64), "demonstration")
    return PartyResult(ctx.conversation.drive(KeyParty(key)))


def install(monkeypatch):
    """Install fake drivers and an experiment; return its programs, to be changed."""
    fake_instruments(monkeypatch)
    played = {"alice": program, "bob": program}
    experiment = Experiment("fake", Parameters, played)
    together = qkdlab.session.together
    monkeypatch.setattr(together, "lookup", lambda group, name: experiment)
    monkeypatch.setattr(together.rules, "check", lambda config: [])
    return played


def configuration(key_class="demonstration", seed=None, **parameters):
    stations = {
        "alice": StationConfig(instruments={"awg": instrument("awg")}),
        "bob": StationConfig(instruments={"meter": instrument("meter")}),
        "channel": StationConfig(instruments={"loss": instrument("attenuator")}),
    }
    return RunConfig(
        schema_version=1,
        name="fake",
        experiment="fake",
        bench="sim",
        seed=seed,
        key_class=key_class,
        parameters=Parameters(**parameters),
        parties=stations,
        wiring=Wiring(parts={}, cables=[]),
        source="fake.yaml",
    )


class HostBench(FakeBench):
    def __init__(self) -> None:
        super().__init__()
        self.clock = RealClock()
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Pair:
    """Plays parties in threads; keeps what each ended with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wait_s = 20.0
        self.ended: dict[str, object] = {}
        self.benches: dict[str, HostBench] = {}
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]

    def play(
        self,
        name: str,
        config=None,
        *,
        party=None,
        listens=None,
        secret=None,
        credentials=None,
        port=None,
    ) -> threading.Thread:
        self.benches[name] = HostBench()
        listens = (name == "alice") if listens is None else listens
        port = self.port if port is None else port

        def body() -> None:
            try:
                self.ended[name] = play_one(
                    config or configuration(),
                    party or name,
                    self.benches[name],
                    self.folder / name,
                    Meeting(PeerAddress("127.0.0.1", port), listens, self.wait_s, 10.0),
                    lambda what, done, total: None,
                    credentials=credentials or Credentials(secret),
                )
            except BaseException as error:
                self.ended[name] = error

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    def both(self, alice=None, bob=None, *, through: int | None = None):
        """Play both to their ends; Bob may take the way through another port."""
        threads = [self.play("alice", alice), self.play("bob", bob, port=through)]
        for thread in threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()
        return self.ended["alice"], self.ended["bob"]
