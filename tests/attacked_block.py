"""A short block under attack: engine, slots, sifting, bounds, and what was true.

From the light to the length everything is the project's own, but the detectors' tags
go to the slots without a tagger, and reconciliation is only charged for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.protocols.bb84 import (
    Bb84Counts,
    Bb84Limits,
    Click,
    check_limits,
    judge_fired,
    sift,
)
from qkdlab.protocols.planes import Planes
from qkdlab.protocols.symbols import basis_of, intensity_of, value_of
from qkdlab.security.lim2014 import (
    Lim2014Length,
    key_length,
)
from qkdlab.security.two_decoys import TwoDecoyCounts
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import Alignment, SlotCounts, SlotState, slot_block
from qkdlab_sims.optics.attacks.photons import PhotonAttack, Truth, what_was_true
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light, StateTable
from qkdlab_sims.optics.polarization import (
    analyser_vector,
    polarizer_jones,
    waveplate_jones,
)
from qkdlab_sims.optics.snspd import DetectorParameters

PERIOD_PS = 10_000
ARRIVAL_PS = (7_500, 7_810, 8_240, 7_650)
GATE_PS = 2_000
BIAS_UA = 22.0
MUS = (0.5, 0.2, 0.002)
P_CLASS, P_X, X_SHARE = (0.4, 0.4, 0.2), 0.7, 0.6
LIMITS = Bb84Limits(0.08, 0.08, 0.25, 0.05)
EPSILON = 1e-9


@dataclass(frozen=True)
class Scene:
    """One block: what Eve does and what the receiver is like."""

    attack: PhotonAttack
    seed: int
    n_ticks: int = 12
    dark_rate_hz: float = 300.0
    delay_error_ps: tuple[int, int, int, int] = (0, 0, 0, 0)
    """How far the slots' idea of each detector's delay is off."""
    tau_ps: float = 300.0
    blank_ps: int = 10_000
    """A quick receiver: short blocks hold enough clicks for a key."""
    believed: tuple[float, float, float] = MUS
    sent: tuple[float, float, float] = MUS


@dataclass(frozen=True)
class Block:
    """What the parties found, and what was true of their key events.

    extractable: bits that Eve cannot know, before what reconciliation discloses
    """

    counts: Bb84Counts
    slots: SlotCounts
    length: Lim2014Length
    aborted: str | None
    """The code of the limit that the counts break, or "gate"."""
    truth: dict[str, float] = field(default_factory=dict)
    extractable: float = 0.0
    leak: int = 0


def settings(rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """Return an exact-count shuffle of all twelve settings."""
    shares = [
        p_basis * p / 2 for p_basis in (P_X, 1 - P_X) for p in P_CLASS for _ in range(2)
    ]
    codes = [v | b << 1 | k << 2 for b in (0, 1) for k in range(3) for v in (0, 1)]
    counts = np.floor(np.array(shares) * n).astype(int)
    counts[0] += n - counts.sum()
    made = np.repeat(np.array(codes, np.uint8), counts)
    rng.shuffle(made)
    return made


def light_of(chosen: NDArray[np.uint8], mus: tuple[float, float, float]) -> Light:
    """Return the pulses: D, A in X and R, L in Z."""
    codes = np.arange(12, dtype=np.uint8)
    phase = np.array([1, -1, 1j, -1j])[2 * basis_of(codes) + value_of(codes)]
    root = np.sqrt(np.array(mus)[intensity_of(codes)] / 2)
    fields = root[:, None] * np.stack([np.ones(12), phase], axis=1)
    stokes = StateTable.of(fields).stokes
    table = stokes[chosen]
    known = StateTable(table, table.mean(axis=0), float(stokes[:, 0].max()))
    return Light(fields[chosen], 1550.0, known_table=known)


def paths() -> list[NDArray[np.complex128]]:
    """Return the amplitudes to X0, X1, Z0, Z1; 22 dB of extinction."""
    plus, minus = math.pi / 4, -math.pi / 4
    turn = waveplate_jones(0.0, 0.75)  # R to D
    x, z = math.sqrt(X_SHARE), math.sqrt(1 - X_SHARE)
    return [
        x * polarizer_jones(plus, 22),
        x * polarizer_jones(minus, 22),
        z * polarizer_jones(plus, 22) @ turn,
        z * polarizer_jones(minus, 22) @ turn,
    ]


def bank_of(scene: Scene) -> DetectorBank:
    """Return four equal detectors."""
    parameters = DetectorParameters(
        efficiency_max=0.8,
        i_half_ua=14.0,
        width_ua=3.0,
        switching_current_ua=30.0,
        dark_floor_hz=scene.dark_rate_hz,
        dark_i0_ua=40.0,
        dark_slope_per_ua=1.6,
        recovery_tau_ps=scene.tau_ps,
        jitter_fwhm_ps=50.0,
    )
    return DetectorBank((parameters,) * 4, ARRIVAL_PS, PERIOD_PS, scene.seed)


def observe(
    scene: Scene, bank: DetectorBank, light: Light
) -> tuple[NDArray[np.int64], NDArray[np.uint8], SlotCounts]:
    """Return slots, masks of detectors and counts, by way of the tags."""
    state = DetectorState(bank)
    state.set_bias([BIAS_UA] * 4)
    eta = bank.efficiencies(state.bias_ua)
    analysers = np.array(
        [e * analyser_vector(p) for e, p in zip(eta, paths(), strict=True)]
    )
    n = scene.n_ticks * PULSES_PER_TICK
    clicks = simulate_pulses(state, light, analysers, 0, n, eve=scene.attack)
    t = np.concatenate(clicks.times_ps)
    ch = np.repeat(np.arange(4, dtype=np.uint8), [len(x) for x in clicks.times_ps])
    order = np.argsort(t, kind="stable")
    inside = (t[order] >= 0) & (t[order] < n * PERIOD_PS)
    order = order[inside]
    block = TagBlock(t[order], ch[order], 0, n * PERIOD_PS)
    offsets = tuple(
        a + e for a, e in zip(ARRIVAL_PS, scene.delay_error_ps, strict=True)
    )
    alignment = Alignment(
        PULSES_PER_TICK * PERIOD_PS, PERIOD_PS, 0.0, offsets, GATE_PS, scene.blank_ps
    )
    after, found = slot_block(SlotState(), block, alignment, last=True)
    keep = (found.slot >= 0) & (found.slot < n)
    return found.slot[keep], found.mask[keep], after.counts


def run(scene: Scene) -> Block:
    """Run one block to its length."""
    rng = np.random.default_rng(scene.seed)
    n = scene.n_ticks * PULSES_PER_TICK
    chosen = settings(rng, n)
    light, bank = light_of(chosen, scene.sent), bank_of(scene)
    slot, mask, slots = observe(scene, bank, light)
    spare = BitArray.from_bools(rng.random(slot.size) < 0.5)
    outcomes = judge_fired(slot, mask, spare)
    mine = chosen[slot]
    planes = Planes.of(mine)
    cross = BitArray.from_bools(outcomes.click == Click.CROSS)
    double = BitArray.from_bools(outcomes.click == Click.DOUBLE)
    sifted = sift(planes.basis, BitArray.from_bools(outcomes.basis), cross)
    wrong = BitArray.from_bools(value_of(mine) != outcomes.value)
    in_key, in_test = sifted.key.ones(), sifted.test.ones()
    of_class = np.bincount(chosen >> np.uint8(1), minlength=6)
    sent = [[int(of_class[2 * k + b]) for k in range(3)] for b in (0, 1)]
    counts = Bb84Counts(
        sent_key=tuple(sent[0]),
        sent_test=tuple(sent[1]),
        n_key=planes.count(sifted.key),
        n_test=planes.count(sifted.test),
        m_test=planes.count(sifted.test & wrong),
        cross=planes.count(sifted.cross),
        double_key=planes.count(sifted.key & double),
        double_test=planes.count(sifted.test & double),
        m_key=planes.count(sifted.key & wrong),
        slots=int(slot.size),
    )  # fmt: skip
    leak = math.ceil(1.16 * sum(counts.n_key) * _entropy(min(0.5, counts.qber_key)))
    length = key_length(
        TwoDecoyCounts(
            counts.n_key, counts.n_test, counts.m_test,
            _fractions(counts.sent_key), _fractions(counts.sent_test),
        ),
        list(scene.believed), leak_bits=leak, epsilon_secrecy=EPSILON,
        epsilon_correctness=1e-15,
    )  # fmt: skip
    broken = check_limits(counts, LIMITS)
    truth = what_was_true(scene.attack, light, slot[in_key], bank.keys)
    tested = what_was_true(scene.attack, light, slot[in_test], bank.keys)
    test_errors = wrong.sift(sifted.test).to_bools().view(np.bool_)
    facts = _facts(scene.attack, truth, tested, test_errors, rng)
    return Block(
        counts,
        slots,
        length,
        None if broken is None else str(broken.code),
        facts,
        _extractable(scene, truth, value_of(mine[in_key])),
        leak,
    )


def _fractions(sent: tuple[int, int, int]) -> list[Fraction]:
    return [Fraction(n, sum(sent)) for n in sent]


def _facts(
    attack: PhotonAttack,
    key: Truth,
    test: Truth,
    wrong: NDArray[np.bool_],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return what Lim's bounds are bounds on.

    The phase errors of the key's single photons are drawn: half of those that Eve
    measured in X, and as many of the rest as the test shows among single photons that
    she measured in Z or not at all.
    """
    single, tested = key.photons == 1, test.photons == 1
    spoilt = _measured_in_x(attack, key) & single
    sound = tested & ~_measured_in_x(attack, test)
    rate = float(wrong[sound].mean()) if sound.any() else 0.0
    errors = rng.binomial(int(spoilt.sum()), 0.5)
    errors += rng.binomial(int((single & ~spoilt).sum()), rate)
    return {
        "s_X0": float(np.sum(key.photons == 0)),
        "s_X1": float(single.sum()),
        "s_Z1": float(tested.sum()),
        "v_Z1": float(np.sum(wrong & tested)),
        "phi_X": errors / max(1, int(single.sum())),
    }


def _measured_in_x(attack: PhotonAttack, truth: Truth) -> NDArray[np.bool_]:
    if attack.action != "measure":
        return np.zeros(truth.photons.size, np.bool_)
    return truth.attacked & (truth.choice == 1)


def _extractable(scene: Scene, key: Truth, value: NDArray[np.uint8]) -> float:
    """Return how many bits of the key are unknown to Eve, in bits of Shannon entropy.

    She knows every bit of which she kept a photon, or which she measured in X. What she
    only steered (time shift, seeding) she knows as well as its frequencies tell.
    """
    unknown = key.photons <= 1
    unknown &= ~_measured_in_x(scene.attack, key)
    steered = np.zeros(unknown.size, np.bool_)
    if scene.attack.action in ("shift", "seed"):
        steered = key.attacked & unknown
    total = float(np.sum(unknown & ~steered))
    for choice in range(4):
        bits = value[steered & (key.choice == choice)]
        if bits.size:
            ones = bits.mean()
            total += bits.size * _entropy(float(ones))
    return total


def _entropy(p: float) -> float:
    if p in (0.0, 1.0):
        return 0.0
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def crossed(block: Block) -> list[str]:
    """Return the bounds that lie on the wrong side of the truth."""
    bounds, truth = block.length.bounds, block.truth
    over = [n for n in ("s_X0", "s_X1", "s_Z1") if bounds[n] > truth[n]]
    # a half stands for "nothing granted"
    upper = ["v_Z1"] + (["phi_X"] if bounds["phi_X"] < 0.5 else [])
    return over + [n for n in upper if bounds[n] < truth[n]]
