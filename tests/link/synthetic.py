"""A block made by dice: settings, detections, and two parties that talk in memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from qkdlab.link.alice import Alice
from qkdlab.link.bob import Bob
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Abort, Effect, KeyReady, Send
from qkdlab.link.events import BlockEnded, Detections, MessageIn, SettingsSent, Start
from qkdlab.link.party import Party
from qkdlab.link.plan import BlockPlan
from qkdlab.protocols.bb84 import Click, Outcomes
from qkdlab.protocols.symbols import (
    CyclicPattern,
    basis_of,
    encode,
    header_pattern,
    intensity_of,
    value_of,
)
from qkdlab.randomness import SeededRandomness

MEAN_PHOTONS = (1.0, 0.4, 0.0)
INTERVALS = ((0.999, 1.001), (0.3995, 0.4005), (0.0, 0.0001))
SESSION = bytes(range(16))
CONFIGURATION = bytes(range(32))
SMALL = BlockPlan(
    block=3,
    first_pulse=8080,
    n_frames=10,
    symbols=4040,
    header_symbols=40,
    composition=(600, 800, 600, 600, 800, 600),
    reconciliation="cascade",
    frame_bits=512,
    verification_bits=64,
    theorem="lim2014",
    epsilon_secrecy=0.5,
    epsilon_correctness=1e-10,
    qber_x_max=0.1,
    qber_z_max=0.1,
    cross_click_fraction_max=0.1,
    double_click_fraction_max=0.1,
    key_class="lab",
)


@dataclass
class Block:
    """What the quantum channel gave to each party."""

    plan: BlockPlan
    pattern: np.ndarray
    stretches: list[Detections]

    @property
    def detections(self) -> list[Detections]:
        """A new copy each time: Bob overwrites what he was given."""
        return copy.deepcopy(self.stretches)

    def alice(self, **changes) -> Alice:
        options = {
            "source": CyclicPattern(self.pattern),
            "randomness": SeededRandomness(1, "alice"),
            "session": SESSION,
            "configuration": CONFIGURATION,
        }
        plan = changes.pop("plan", self.plan)
        return Alice(plan, **{**options, **changes})

    def bob(self, **changes) -> Bob:
        options = {
            "randomness": SeededRandomness(1, "bob"),
            "session": SESSION,
            "configuration": CONFIGURATION,
        }
        plan = changes.pop("plan", self.plan)
        return Bob(plan, **{**options, **changes})


class Dice:
    """Numbers that stay the same for ever: the raw words of Philox."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Philox(key=seed)

    def uniform(self, n: int) -> np.ndarray:
        return (self._generator.random_raw(n) >> np.uint64(11)) * 2.0**-53

    def bits(self, n: int) -> np.ndarray:
        return (self._generator.random_raw(n) >> np.uint64(63)).astype(np.uint8)

    def shuffled(self, items: np.ndarray) -> np.ndarray:
        order = np.argsort(self._generator.random_raw(items.size), kind="stable")
        return items[order]


def make_block(
    plan: BlockPlan = SMALL,
    *,
    seed: int = 1,
    efficiency: float = 0.9,
    error: float = 0.005,
    cross: float = 0.01,
    double: float = 0.002,
    parts: int = 3,
) -> Block:
    dice = Dice(seed)
    codes = [
        encode(basis, intensity, value)
        for basis in (0, 1)
        for intensity in (0, 1, 2)
        for value in (0, 1)
    ]
    counts = []
    for n in plan.composition:
        counts += [n // 2, n - n // 2]
    body = dice.shuffled(np.repeat(np.array(codes, np.uint8), counts))
    pattern = np.concatenate([header_pattern(plan.header_symbols, "test"), body])
    slot = np.arange(plan.first_pulse, plan.end_pulse)
    settings = pattern[slot % plan.symbols]
    mean = np.array([*MEAN_PHOTONS, 0.0])[intensity_of(settings)]
    clicked = dice.uniform(slot.size) < 1 - (1 - 1e-4) * np.exp(-efficiency * mean)
    slot, settings = slot[clicked], settings[clicked]
    n = slot.size
    basis = (dice.uniform(n) < 0.5).astype(np.uint8)
    wrong = (dice.uniform(n) < error).astype(np.uint8)
    value = np.where(
        basis == basis_of(settings), value_of(settings) ^ wrong, dice.bits(n)
    ).astype(np.uint8)
    kind = dice.uniform(n)
    click = np.full(n, Click.SINGLE, np.uint8)
    click[kind < cross + double] = Click.DOUBLE
    click[kind < cross] = Click.CROSS
    value[click == Click.DOUBLE] = dice.bits(n)[click == Click.DOUBLE]
    basis[click == Click.CROSS] = 0
    value[click == Click.CROSS] = 0
    stretches = []
    pulses = plan.n_pulses // parts
    for i, part in enumerate(np.array_split(np.arange(n), parts)):
        outcomes = Outcomes(slot[part], basis[part], value[part], click[part])
        judged = plan.n_pulses - i * pulses if i == parts - 1 else pulses
        stretches.append(Detections(outcomes, pulses, judged))
    return Block(plan, pattern, stretches)


@dataclass
class Talk:
    """Two parties over a perfect line, and all that passed between them."""

    alice: Party
    bob: Party
    block: Block

    def __post_init__(self) -> None:
        self.transcript: list[tuple[Direction, bytes]] = []
        self.effects: dict[str, list[Effect]] = {"alice": [], "bob": []}
        self.tamper: Callable[[Direction, bytes], bytes] = lambda direction, data: data
        self.pulses_sent = self.block.plan.n_pulses

    def run(self) -> Talk:
        queues = {"alice": [], "bob": []}

        def take(name: str, effects: list[Effect]) -> None:
            other = "bob" if name == "alice" else "alice"
            way = Direction.ALICE_TO_BOB if name == "alice" else Direction.BOB_TO_ALICE
            for effect in effects:
                self.effects[name].append(effect)
                if isinstance(effect, Send):
                    data = self.tamper(way, effect.data)
                    self.transcript.append((way, data))
                    queues[other].append((data, effect.end_of_phase))

        take("alice", self.alice.handle(Start()))
        take("bob", self.bob.handle(Start()))
        for part in self.block.detections:
            take("bob", self.bob.handle(part))
        take("bob", self.bob.handle(BlockEnded()))
        sent = SettingsSent(INTERVALS, self.pulses_sent)
        take("alice", self.alice.handle(sent))
        parties = {"alice": self.alice, "bob": self.bob}
        waiting = {"alice": [], "bob": []}
        while queues["alice"] or queues["bob"]:
            name = "alice" if queues["alice"] else "bob"
            data, end = queues[name].pop(0)
            # as the sealed channel delivers: interactive at once, the rest verified
            interactive = data[:2] == b"\x01\x41" and not waiting[name]
            if interactive or end:
                for held in (*waiting[name], data):
                    message = MessageIn(held, phase_verified=not interactive)
                    take(name, parties[name].handle(message))
                waiting[name] = []
            else:
                waiting[name].append(data)
        return self

    def key(self, name: str):
        found = [e.key for e in self.effects[name] if isinstance(e, KeyReady)]
        return found[0] if found else None

    def abort(self, name: str) -> Abort | None:
        found = [e for e in self.effects[name] if isinstance(e, Abort)]
        return found[0] if found else None


def talk(block: Block, **changes) -> Talk:
    return Talk(block.alice(**changes), block.bob(**changes), block)


__all__ = ["INTERVALS", "SMALL", "Block", "Talk", "make_block", "replace", "talk"]
