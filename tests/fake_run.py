"""A run of two programs on fake instruments, to be changed by tests."""

from dataclasses import dataclass

import station_fakes
from pydantic import BaseModel
from station_fakes import DIARY, FakeBench, block, instrument

import qkdlab.session.together
import qkdlab.station.open
from qkdlab.bits.array import BitArray
from qkdlab.config.models import RunConfig, StationConfig
from qkdlab.link.effects import KeyBlock, KeyPending, KeyReady
from qkdlab.problems import Problem
from qkdlab.session.experiment import Experiment, PartyResult
from qkdlab.session.run import run
from qkdlab.wiring.parts import Wiring


class Parameters(BaseModel):
    duration_s: float = 2.0


@dataclass
class KeyParty:
    """Makes one key and is finished."""

    key: KeyBlock
    finished: bool = False

    def handle(self, event):
        self.finished = True
        return [KeyPending(self.key), KeyReady(self.key)]

    def figures(self):
        return {"leaked_bits": 5}


def key(party: str, key_class: str) -> KeyBlock:
    return KeyBlock("k-1", 0, BitArray.from_bytes(b"\x5a" * 8, 64), key_class)


def alice(ctx):
    ctx.recorder.monitor("power_w", 1e-6)
    ctx.conversation.send("hello", n=1)
    ctx.conversation.receive("welcome")
    ctx.clock.sleep_until(1000)
    party = KeyParty(key("alice", ctx.conversation.key_class))
    return PartyResult(ctx.conversation.drive(party))


def bob(ctx):
    ctx.conversation.receive("hello")
    ctx.conversation.send("welcome")
    ctx.recorder.tags(block([1, 2, 3], 0, 10))
    ctx.progress("tags", 1, 2)
    ctx.recorder.result("sync", {"stretch": 1.0})
    party = KeyParty(key("bob", ctx.conversation.key_class))
    return PartyResult(ctx.conversation.drive(party))


class World:
    """What the tests can change: the programs and the broken rules."""

    def __init__(self) -> None:
        self.programs = {"alice": alice, "bob": bob}
        self.problems: list[Problem] = []

    def lookup(self, group: str, name: str):
        if group == "qkdlab.benches":
            return lambda config, seed: FakeBench()
        return Experiment("fake", Parameters, self.programs)


def fake_instruments(monkeypatch) -> None:
    """Let stations have fake drivers; what these do is in an empty DIARY."""
    DIARY.clear()
    specs = station_fakes.SPECS
    monkeypatch.setattr(qkdlab.station.open, "driver_spec", specs.__getitem__)
    monkeypatch.setattr(
        "qkdlab.station.qcodes_station.snapshot",
        lambda instruments: {name: {"parameters": {}} for name in instruments},
    )


def install(monkeypatch) -> World:
    """Install fake drivers and programs; return what can be changed."""
    fake_instruments(monkeypatch)
    world = World()
    together = qkdlab.session.together
    monkeypatch.setattr(together, "lookup", world.lookup)
    monkeypatch.setattr(together.rules, "check", lambda config: world.problems)
    return world


def configuration(
    seed: int | None = 7,
    key_class: str = "demonstration",
    facility: bool = False,
    **alice: str,
):
    parties = {
        "alice": StationConfig(instruments={"awg": instrument("awg", **alice)}),
        "bob": StationConfig(instruments={"meter": instrument("meter")}),
    }
    if facility:
        loss = {"attenuator": instrument("attenuator")}
        parties["channel"] = StationConfig(instruments=loss)
    return RunConfig(
        schema_version=1,
        name="fake",
        experiment="fake",
        bench="sim",
        seed=seed,
        key_class=key_class,
        parameters=Parameters(),
        parties=parties,
        wiring=Wiring(parts={}, cables=[]),
        source="fake.yaml",
    )


def silent(what: str, done: float, total: float) -> None:
    pass


def started(world, folder, config=None):
    return run(config or configuration(), folder, silent)
