"""The whole chain between two processes: from sifted bits to equal keys.

The parties are those of a session, on a sealed channel over loopback TCP; only the
slots come from dice instead of tags. Measured is all that a party does once the test
bits are exchanged, which is when both have their sifted strings: reconciliation,
counts, verification, amplification, tags; and, apart, all since the parties greeted,
lists of slots and settings too. Bob throws his dice before he greets, so that Alice
does not wait for them. CPU time is that of the whole process.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qkdlab.cli.figure import Figure
from qkdlab.cli.memory import peak_memory_mb
from qkdlab.cli.two_processes import run_two

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qkdlab.link.channel import Channel
    from qkdlab.link.direction import Direction
    from qkdlab.link.effects import Commit, KeyBlock
    from qkdlab.link.events import Detections, Event
    from qkdlab.link.plan import BlockPlan

__all__ = ["ChainJob", "chain", "measure_chain", "play_chain"]

_COMPOSITION = (2200, 600, 200, 500, 400, 100)
"""Pulses of a pattern by basis (X, Z) and intensity."""
_MEAN_PHOTONS = (0.6, 0.2, 0.0)
_X_SHARE_OF_BOB = 0.75
_BACKGROUND = 1e-4
_PART = 1 << 20


@dataclass(frozen=True)
class ChainJob:
    """What both parties of a measurement are given.

    sifted_bits: of the key basis, about
    """

    qber: float = 0.02
    sifted_bits: int = 1 << 24
    method: str = "cascade"


def chain() -> list[Figure]:
    """Measure the chain at an error rate of 2 %, beside the textbook's Cascade."""
    from qkdlab.cli.textbook_cascade import textbook_cascade

    plain = textbook_cascade(0.02, 16384)
    found = measure_chain(ChainJob())
    what = "textbook Cascade in plain Python"
    return [
        Figure(
            "distill",
            "chain_2pct",
            found["mbps_cpu"],
            "Mb/s",
            what,
            plain["mbps"],
            found,
        )
    ]


def measure_chain(job: ChainJob) -> dict[str, Any]:
    """Return the figures of one block; RuntimeError unless both keys are equal.

    mbps_cpu, mbps_wall: sifted bits of the key basis, as `benchmark_cascade.measure`
    """
    alice, bob = run_two(play_chain, job)
    if alice["key"] != bob["key"]:
        raise RuntimeError("the keys differ")
    sifted = bob["sifted_bits"]

    def rate(name: str) -> float:
        return float(sifted / 1e6 / max(alice[name], bob[name]))

    return {
        "qber": job.qber,
        "method": job.method,
        "sifted_bits": sifted,
        "secret_bits": bob["secret_bits"],
        "mbps_cpu": rate("cpu_s_sifted"),
        "mbps_wall": rate("wall_s_sifted"),
        "mbps_cpu_from_lists": rate("cpu_s_ended"),
        "mbps_wall_from_lists": rate("wall_s_ended"),
        "f_one_way": bob["efficiency"]["one_way"],
        "f_two_way": bob["efficiency"]["two_way"],
        "leaked_bits_two_way": bob["leaked_bits"],
        "memory_mb_alice": alice["memory_mb"],
        "memory_mb_bob": bob["memory_mb"],
    }


def chain_plan(job: ChainJob) -> BlockPlan:
    """Return the plan of the block."""
    from qkdlab.link.plan import BlockPlan

    symbols = sum(_COMPOSITION)
    rate = sum(
        pulses * _click_probability(mean)
        for pulses, mean in zip(_COMPOSITION[:3], _MEAN_PHOTONS, strict=True)
    )
    return BlockPlan(
        block=0,
        first_pulse=0,
        n_frames=round(job.sifted_bits / (rate * _X_SHARE_OF_BOB)),
        symbols=symbols,
        header_symbols=0,
        composition=_COMPOSITION,
        reconciliation=job.method,
        frame_bits=65536,
        verification_bits=80,
        theorem="lim2014",
        epsilon_secrecy=1e-6,
        epsilon_correctness=1e-12,
        qber_x_max=0.12,
        qber_z_max=0.12,
        cross_click_fraction_max=0.1,
        double_click_fraction_max=0.1,
        key_class="demonstration",
    )


def play_chain(role: str, channel: Channel, job: ChainJob) -> dict[str, Any]:
    """Play one party of two blocks, the first a small one to warm up."""
    _block(role, channel, replace(job, sifted_bits=2_000_000), b"warm")
    return _block(role, channel, job, b"real")


def _block(role: str, channel: Channel, job: ChainJob, name: bytes) -> dict[str, Any]:
    from qkdlab.link.alice import Alice
    from qkdlab.link.bob import Bob
    from qkdlab.link.direction import Direction
    from qkdlab.link.party import BlockParty
    from qkdlab.link.pool import PadPool, pool_bytes
    from qkdlab.link.seal import SealedChannel
    from qkdlab.protocols.symbols import CyclicPattern
    from qkdlab.randomness import SeededRandomness
    from qkdlab.session.drive import Driver

    plan = chain_plan(job)
    session, configuration = name.ljust(16), bytes(32)
    randomness = SeededRandomness(1, f"{role} {name!r}")
    pattern = _pattern()
    watch = _Watch()
    party: BlockParty
    if role == "alice":
        way = Direction.ALICE_TO_BOB
        party = Alice(
            plan,
            source=CyclicPattern(pattern.copy()),
            randomness=randomness,
            session=session,
            configuration=configuration,
        )
        events = _sent(watch)
    else:
        way = Direction.BOB_TO_ALICE
        party = Bob(
            plan, randomness=randomness, session=session, configuration=configuration
        )
        for begin in range(0, plan.n_pulses, _PART):
            party.handle(_stretch(plan, pattern, job, begin))
        events = _ended(watch)
    secret = hashlib.shake_256(b"pads of a benchmark").digest(pool_bytes(40))
    sealed = SealedChannel(
        channel,
        direction=way,
        pool=PadPool.memory(secret),
        record=watch.look,
        session=session,
        configuration=configuration,
    )
    keys = _Keys()
    Driver(sealed, _commit, keys, lambda *_: None, 600.0).run(party, events)
    figures = party.figures()
    if keys.key is None:
        raise RuntimeError("the block ended without a key")
    times = watch.stop()
    return {
        **times,
        "sifted_bits": figures["sifted_bits"],
        "secret_bits": figures["secret_bits"],
        "efficiency": figures["reconciliation_efficiency"],
        "leaked_bits": figures["leaked_bits"],
        "key": hashlib.sha256(keys.key.bits.to_bytes()).hexdigest(),
        "memory_mb": peak_memory_mb(),
    }


class _Watch:
    """CPU and wall time since the block's end, and since both strings were sifted."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[float, float]] = {}

    def mark(self, name: str) -> None:
        """Note that a stretch begins now."""
        self._marks[name] = time.process_time(), time.perf_counter()

    def look(self, direction: Direction, data: bytes) -> None:
        """Note when Bob's test bits pass."""
        from qkdlab.link.codec import kind_of
        from qkdlab.link.messages import BobTestBits

        if kind_of(data) is BobTestBits:
            self.mark("sifted")

    def stop(self) -> dict[str, float]:
        """Return the times until now."""
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        return {
            f"{what}_{name}": now - then
            for name, marked in self._marks.items()
            for what, now, then in zip(
                ("cpu_s", "wall_s"), (cpu_s, wall_s), marked, strict=True
            )
        }


@dataclass
class _Keys:
    """Keeps the key in memory."""

    key: KeyBlock | None = field(default=None, repr=False)

    def hold(self, key: KeyBlock) -> None:
        pass

    def confirm(self, key: KeyBlock) -> None:
        self.key = key

    def give_up(self) -> None:
        self.key = None


def _commit(record: Commit) -> None:
    """Keep nothing: there is no journal."""


def _sent(watch: _Watch) -> Iterator[Event]:
    from qkdlab.link.events import SettingsSent

    watch.mark("ended")
    yield SettingsSent(tuple((mean, mean) for mean in _MEAN_PHOTONS))


def _ended(watch: _Watch) -> Iterator[Event]:
    from qkdlab.link.events import BlockEnded

    watch.mark("ended")
    yield BlockEnded()


def _pattern() -> NDArray[np.uint8]:
    import numpy as np

    from qkdlab.protocols.symbols import encode

    pulses = []
    for i, count in enumerate(_COMPOSITION):
        for value in (0, 1):
            pulses += [encode(i // 3, i % 3, value)] * (count // 2)
    order = np.random.default_rng(1).permutation(len(pulses))
    return np.array(pulses, np.uint8)[order]


def _click_probability(mean_photons: float) -> float:
    import math

    return 1 - (1 - _BACKGROUND) * math.exp(-mean_photons)


def _stretch(
    plan: BlockPlan, pattern: NDArray[np.uint8], job: ChainJob, begin: int
) -> Detections:
    import numpy as np

    from qkdlab.link.events import Detections
    from qkdlab.protocols.bb84 import Outcomes
    from qkdlab.protocols.symbols import basis_of, intensity_of, value_of

    rng = np.random.default_rng(begin)
    slot = np.arange(begin, min(begin + _PART, plan.n_pulses))
    settings = pattern[slot % plan.symbols]
    click = np.array([_click_probability(mean) for mean in _MEAN_PHOTONS])
    clicked = rng.random(slot.size, np.float32) < click[intensity_of(settings)]
    found, settings = slot[clicked], settings[clicked]
    n = found.size
    basis = (rng.random(n, np.float32) >= _X_SHARE_OF_BOB).astype(np.uint8)
    wrong = (rng.random(n, np.float32) < job.qber).astype(np.uint8)
    other = rng.integers(0, 2, n, np.uint8)
    same = basis == basis_of(settings)
    value = np.where(same, value_of(settings) ^ wrong, other).astype(np.uint8)
    outcomes = Outcomes(found, basis, value, np.zeros(n, np.uint8))
    return Detections(outcomes, slot.size)
