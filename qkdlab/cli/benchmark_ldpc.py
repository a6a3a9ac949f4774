"""Figures of LDPC reconciliation, beside another decoder.

Both parties run in this process, one after the other; CPU time is that of the slower
one: of Bob, who decodes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qkdlab.cli.benchmark_cascade import clopper_pearson, dice
from qkdlab.cli.figure import Figure

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray
    from qkdlab.distill.ldpc.half import LdpcHalf

__all__ = ["ldpc", "measure"]

_BITS = 1 << 25
_WARM_BITS = 1 << 16
_QBERS = 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1


def ldpc() -> list[Figure]:
    """Measure LDPC at 0.5 to 10 %, beside another decoder on its shortest code."""
    return [_figure(qber) for qber in _QBERS]


def _figure(qber: float) -> Figure:
    from qkdlab.cli.textbook_ldpc import textbook_ldpc
    from qkdlab.distill.ldpc.plan import plan_frames

    found = measure(qber, _BITS)
    what, baseline = textbook_ldpc(plan_frames(_WARM_BITS, qber, b""))
    name, value = f"ldpc_{100 * qber:g}pct", found["mbps_cpu"]
    return Figure("distill", name, value, "Mb/s", what, baseline, found)


def measure(qber: float, n_bits: int, seed: int = 1) -> dict[str, Any]:
    """Return the figures of one string that two halves reconcile.

    mbps_cpu:   input bits per CPU second of Bob; mbps_alice of Alice
    f_one_way, f_two_way: what Alice sent, and all that both sent, over n h(e) of the
                errors that there were; blind rounds and frames in clear included
    f_before_blind_rounds: Alice's first message alone
    frame_error_rate_95: [low, high] of 95 % (Clopper-Pearson) before blind rounds

    Raises AssertionError when the strings differ at the end.
    """
    from qkdlab.security.asymptotic import binary_entropy

    _Talk(*dice(_WARM_BITS, qber, seed), qber).run()
    start, errors = dice(n_bits, qber, seed)
    talk = _Talk(start, errors, qber)
    alice, bob = talk.run()
    if bob.corrected() != start:
        raise AssertionError("a frame met all its checks with another pattern")
    wrong, passes = int((bob.iterations < 0).sum()), bob.iterations[bob.iterations > 0]
    ideal = n_bits * binary_entropy(errors.count() / n_bits)
    leak, back = sum(talk.sent["alice"]), sum(talk.sent["bob"])
    return {
        "qber": qber,
        "bits": n_bits,
        "code_bits": alice.plan.code.n_bits,
        "code_checks": alice.plan.code.n_checks,
        "mbps_cpu": n_bits / 1e6 / talk.cpu_s["bob"],
        "mbps_alice": n_bits / 1e6 / talk.cpu_s["alice"],
        "f_one_way": leak / ideal,
        "f_two_way": (leak + back) / ideal,
        "f_before_blind_rounds": talk.sent["alice"][0] / ideal,
        "leaked_bits_one_way": leak,
        "leaked_bits_two_way": leak + back,
        "round_trips": -(-bob.messages // 2),
        "mean_iterations": float(passes.mean()) if passes.size else None,
        "frames": alice.plan.n_frames,
        "failed_frames": wrong,
        "frame_error_rate_95": clopper_pearson(wrong, alice.plan.n_frames),
        "frames_in_clear": bob.disclosed_frames,
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
