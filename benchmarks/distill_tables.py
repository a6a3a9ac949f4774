"""Write the tables of docs/distillation.md from what `qkdlab benchmark` measured.

qkdlab benchmark distill --json > figures.json
python benchmarks/distill_tables.py figures.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def main() -> None:
    """Print one table of Cascade and one of LDPC, a row for each error rate."""
    told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for name, value in told["machine"].items():
        print(f"{name}: {value}")
    rows = {row["name"]: row for row in told["results"]}
    _table(
        "QBER, f one way, f both ways, wrong frames (95 %), Mb/s CPU, Mb/s wall,"
        " rounds, leaked bits (both) of bits, textbook Mb/s",
        (_cascade(row) for row in _by_rate(rows, "cascade")),
    )
    _table(
        "QBER, code bits, f one way, f both ways, wrong frames (95 %), passes, round"
        " trips, Mb/s CPU Bob, Alice, leaked bits (both) of bits, beside Mb/s",
        (_ldpc(row) for row in _by_rate(rows, "ldpc")),
    )


def _by_rate(rows: Mapping[str, Row], method: str) -> list[Row]:
    """Return the rows of a method that are named by nothing but their error rate."""
    names = [n for n in rows if n.startswith(f"{method}_") and n.endswith("pct")]
    return sorted((rows[n] for n in names), key=lambda row: row["details"]["qber"])


def _table(heads: str, rows: Iterable[Sequence[str]]) -> None:
    columns = [head.strip() for head in heads.split(",")]
    print("", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", sep="\n")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def _cascade(row: Row) -> list[str]:
    found = row["details"]
    return [
        f"{100 * found['qber']:g} %",
        f"{found['f_one_way']:.4f}",
        f"{found['f_two_way']:.4f}",
        _wrong(found, "wrong_frames"),
        f"{found['mbps_cpu']:.1f}",
        f"{found['mbps_wall']:.1f}",
        str(found["rounds_of_longest_batch"]),
        f"{found['leaked_bits_two_way']} of {found['bits']}",
        f"{row['baseline']['value']:.3f}",
    ]


def _ldpc(row: Row) -> list[str]:
    found = row["details"]
    return [
        f"{100 * found['qber']:g} %",
        str(found["code_bits"]),
        f"{found['f_one_way']:.4f}",
        f"{found['f_two_way']:.4f}",
        _wrong(found, "failed_frames"),
        f"{found['mean_iterations']:.0f}",
        str(found["round_trips"]),
        f"{found['mbps_cpu']:.1f}",
        f"{found['mbps_alice']:.0f}",
        f"{found['leaked_bits_two_way']} of {found['bits']}",
        f"{row['baseline']['value']:.3f}",
    ]


def _wrong(found: Row, name: str) -> str:
    low, high = found["frame_error_rate_95"]
    return f"{found[name]} of {found['frames']} ({low:.1e} to {high:.1e})"


if __name__ == "__main__":
    main()
