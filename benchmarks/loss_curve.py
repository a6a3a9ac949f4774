"""Draw how fast the physics engine is, by the loss of a 1 GHz link.

python benchmarks/loss_curve.py docs/loss-curve.svg
"""

from __future__ import annotations

import sys

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt

from qkdlab_sims.benchmarks.link import Link
from qkdlab_sims.benchmarks.physics import loss_curve, naive_speed

LOSSES_DB = [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]


def main(path: str) -> None:
    mpl.rcParams["svg.hashsalt"] = "qkdlab"
    found = loss_curve(LOSSES_DB)
    naive = naive_speed(Link(20.0))
    for loss, (speed, clicks) in zip(LOSSES_DB, found, strict=True):
        print(f"{loss} dB: {speed:.3g} x real time, {clicks:.3g} clicks/s")
    print(f"pulse by pulse: {naive:.3g} x real time")
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.semilogy(LOSSES_DB, [s for s, _ in found], "o-", label="engine")
    axes.axhline(naive, color="C1", ls="--", label="pulse by pulse, compiled")
    axes.axhline(1.0, color="0.6", lw=0.8)
    axes.annotate("real time", (52, 1.0), xytext=(0, 3), textcoords="offset points")
    axes.set_xlabel("loss between transmitter and receiver / dB")
    axes.set_ylabel("link time / CPU time of one core")
    axes.set_title("BB84 at 1 GHz, four nanowires, effects switched on")
    axes.legend()
    axes.grid(which="major", alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
