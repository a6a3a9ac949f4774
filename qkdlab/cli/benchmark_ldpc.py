"""Figures of LDPC reconciliation, beside another decoder.

Both parties run in this process, one after the other; CPU time is that of the slower
one: of Bob, who decodes.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qkdlab.cli.benchmark_cascade import RATES, STRINGS, clopper_pearson, dice
from qkdlab.cli.figure import Figure

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray
    from qkdlab.distill.ldpc.half import LdpcHalf

__all__ = ["ldpc", "measure"]

_BITS = 1 << 25
_WARM_BITS = 1 << 16


def ldpc() -> list[Figure]:
    """Measure LDPC at 0.5 to 10 %, beside another decoder on its shortest code."""
    return [_figure(qber) for qber in RATES]


def _figure(qber: float) -> Figure:
    from qkdlab.cli.textbook_ldpc import textbook_ldpc
    from qkdlab.distill.ldpc.plan import plan_frames

    found = measure(qber, _BITS, STRINGS)
    what, baseline = textbook_ldpc(plan_frames(_WARM_BITS, qber, b""))
    name, value = f"ldpc_{100 * qber:g}pct", found["mbps_cpu"]
    return Figure("distill", name, value, "Mb/s", what, baseline, found)


def measure(qber: float, n_bits: int, strings: int = 1) -> dict[str, Any]:
    """Return the figures of strings that two halves reconcile one after the other.

    mbps_cpu:   input bits per CPU second of Bob; mbps_alice of Alice
    f_one_way, f_two_way: what Alice sent, and all that both sent, over n h(e) of the
                errors that there were; blind rounds and frames in clear included
    f_before_blind_rounds: Alice's first messages alone
    frame_error_rate_95: [low, high] of 95 % (Clopper-Pearson) before blind rounds

    Raises AssertionError when strings differ at the end.
    """
    from qkdlab.distill.ldpc.plan import plan_frames
    from qkdlab.security.asymptotic import binary_entropy

    _Talk(*dice(_WARM_BITS, qber, 0), qber).run()
    total: Counter[str] = Counter()
    cpu_s, round_trips = {"alice": 0.0, "bob": 0.0}, 0
    plan = plan_frames(n_bits, qber, bytes(32))
    for seed in range(1, strings + 1):
        start, errors = dice(n_bits, qber, seed)
        talk = _Talk(start, errors, qber)
        alice, bob = talk.run()
        if bob.corrected() != start:
            raise AssertionError("a frame met all its checks with another pattern")
        round_trips = max(round_trips, -(-bob.messages // 2))
        corrected = bob.iterations[bob.iterations > 0]
        total.update(
            {
                "errors": errors.count(),
                "leak": sum(talk.sent["alice"]),
                "first": talk.sent["alice"][0],
                "back": sum(talk.sent["bob"]),
                "frames": alice.plan.n_frames,
                "wrong": int((bob.iterations < 0).sum()),
                "passes": int(corrected.sum()),
                "corrected": int(corrected.size),
                "disclosed": bob.disclosed_frames,
            }
        )
        cpu_s = {party: spent_s + talk.cpu_s[party] for party, spent_s in cpu_s.items()}
    bits = n_bits * strings
    ideal = bits * binary_entropy(total["errors"] / bits)
    return {
        "qber": qber,
        "bits": bits,
        "code_bits": plan.code.n_bits,
        "code_checks": plan.code.n_checks,
        "mbps_cpu": bits / 1e6 / cpu_s["bob"],
        "mbps_alice": bits / 1e6 / cpu_s["alice"],
        "f_one_way": total["leak"] / ideal,
        "f_two_way": (total["leak"] + total["back"]) / ideal,
        "f_before_blind_rounds": total["first"] / ideal,
        "leaked_bits_one_way": total["leak"],
        "leaked_bits_two_way": total["leak"] + total["back"],
        "round_trips": round_trips,
        "mean_iterations": (
            total["passes"] / total["corrected"] if total["corrected"] else None
        ),
        "frames": total["frames"],
        "failed_frames": total["wrong"],
        "frame_error_rate_95": clopper_pearson(total["wrong"], total["frames"]),
        "frames_in_clear": total["disclosed"],
    }


@dataclass
class _Talk:
    """Two halves, what each said, and the CPU time that each took."""

    start: BitArray
    errors: BitArray
    qber: float
    sent: dict[str, list[int]] = field(default_factory=lambda: {"alice": [], "bob": []})
    cpu_s: dict[str, float] = field(default_factory=dict)

    def run(self) -> tuple[LdpcHalf, LdpcHalf]:
        alice = self._open("alice", self.start)
        bob = self._open("bob", self.start ^ self.errors)
        parties = {"alice": alice, "bob": bob}
        while not (alice.finished and bob.finished):
            speaker = "alice" if alice.my_turn else "bob"
            listener = "bob" if alice.my_turn else "alice"
            begin_s = time.thread_time()
            message = parties[speaker].next_message()
            said_s = time.thread_time()
            parties[listener].feed(message)
            self.cpu_s[speaker] += said_s - begin_s
            self.cpu_s[listener] += time.thread_time() - said_s
            self.sent[speaker].append(len(message))
        return alice, bob

    def _open(self, role: str, bits: BitArray) -> LdpcHalf:
        from qkdlab.distill.ldpc.half import LdpcHalf

        begin_s = time.thread_time()
        half = LdpcHalf(
            "alice" if role == "alice" else "bob",
            bits,
            qber_estimate=self.qber,
            public_seed=bytes(32),
        )
        self.cpu_s[role] = time.thread_time() - begin_s
        return half
