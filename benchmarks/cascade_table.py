"""Write the table of Cascade in docs/distillation.md: 10^4 frames for each error rate.

python benchmarks/cascade_table.py
"""

from __future__ import annotations

import sys

from qkdlab.cli.benchmark_cascade import CascadeJob, measure
from qkdlab.cli.benchmarks import machine
from qkdlab.cli.textbook_cascade import textbook_cascade

QBER = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.10)
FRAMES, STRINGS = 1000, 10


def main() -> None:
    for name, value in machine().items():
        print(f"{name}: {value}")
    print(
        "| QBER | f one way | f both ways | wrong frames, 95 % | Mb/s CPU | Mb/s wall"
        " | rounds | leaked bits (both) of bits | textbook Mb/s, f |"
    )
    print("| --- |" + " ---: |" * 8)
    for qber in QBER:
        found = measure(CascadeJob(qber, FRAMES * 65536, strings=STRINGS))
        plain = textbook_cascade(qber, 16384)
        low, high = found["frame_error_rate_95"]
        print(
            f"| {100 * qber:g} % | {found['f_one_way']:.4f} | {found['f_two_way']:.4f} "
            f"| {found['wrong_frames']} of {found['frames']}, {low:.1e} to {high:.1e} "
            f"| {found['mbps_cpu']:.1f} | {found['mbps_wall']:.1f} "
            f"| {found['rounds_of_longest_batch']} "
            f"| {found['leaked_bits_two_way']} of {found['bits']} "
            f"| {plain['mbps']:.3f}, {plain['f_one_way']:.3f} |"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
