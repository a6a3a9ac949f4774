"""The end of a run for people: what was found, beside what was to be expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from qkdlab.cli.table import print_table

__all__ = ["print_summary"]

_HEADER = ["basis, class", "gain", "expected", "sigma", "QBER", "expected", "sigma"]


def print_summary(result: Mapping[str, Any]) -> None:
    """Print the result of a run on stdout."""
    rows = [_row(result, basis, name) for basis, name in _cells(result)]
    if rows:
        print_table(_HEADER, rows, title="Gains and error rates", numbers=True)
        print()
    measured = _measured(result)
    if measured:
        header = ["measured", "value", "uncertainty", "expected"]
        print_table(header[: len(measured[0])], measured, numbers=True)
        print()
    for name, text in _lines(result):
        print(f"{name:<17}{text}")
    for assumption in result.get("assumptions") or []:
        status = f"  {assumption.get('status', '?')}:"
        print(f"{status:<17}{assumption.get('name', '')}{_detail(assumption)}")
    for party, path in (result.get("run_files") or {}).items():
        print(f"{'file of ' + party:<17}{path}")


def _cells(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    gains = result.get("gains") or {}
    return [(basis, name) for basis, classes in gains.items() for name in classes]


def _row(result: Mapping[str, Any], basis: str, name: str) -> list[str]:
    expected = result.get("expected") or {}
    counts = result.get("counts") or {}
    row = [f"{basis} {name}"]
    for figure, trials in (("gains", "sent"), ("qber", "sifted")):
        measured = _look_up(result, figure, basis, name)
        predicted = _look_up(expected, figure, basis, name)
        number = _look_up(counts, trials, basis, name)
        row += [
            _number(measured),
            _number(predicted),
            _sigmas(measured, predicted, number),
        ]
    return row


def _measured(result: Mapping[str, Any]) -> list[list[str]]:
    """Return the figures that have a standard uncertainty beside them.

    With what was to be expected where that is known of any.
    """
    rows = [
        [
            name,
            _number(value),
            _number(result[f"{name}_uncertainty"]),
            _number(result.get(f"expected_{name}")),
        ]
        for name, value in result.items()
        if f"{name}_uncertainty" in result
    ]
    is_any = any(f"expected_{row[0]}" in result for row in rows)
    return rows if is_any else [row[:3] for row in rows]


def _look_up(tree: Any, *path: str) -> Any:
    for step in path:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}"


def _sigmas(measured: Any, predicted: Any, trials: Any) -> str:
    """Return by how many standard deviations a rate is off (binomial, as predicted)."""
    if measured is None or predicted is None or not trials:
        return "-"
    deviation = math.sqrt(predicted * (1.0 - predicted) / trials)
    return f"{(measured - predicted) / deviation:+.1f}" if deviation else "-"


def _lines(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    equal = {True: "yes", False: "NO", None: "none made"}[result["keys_match"]]
    lines = [
        ("protocol", f"{result['protocol']}, class {result['key_class']}"),
        ("link time", f"{_number(result['duration_s'])} s"),
        ("wall time", f"{_number(result['wall_s'])} s"),
        ("sifted bits", _count(result["sifted_bits"])),
        ("leaked bits", _count(result["leaked_bits"])),
        ("secret bits", f"{_count(result['secret_bits'])} ({_rate(result)})"),
        ("claimable bits", _count(result["claimable_secret_bits"])),
        ("keys equal", equal),
        *_blocks(result),
        ("authentication", f"{_count(result['auth_bits_spent'])} bits spent"),
        ("epsilon", _epsilons(result["epsilon"])),
        ("theorem", _theorem(result)),
    ]
    aborted = result["aborted"]
    if aborted is not None:
        lines.append(("aborted", f"{aborted['code']}: {aborted['reason']}"))
    return lines


def _blocks(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a line for each key block, where there are several."""
    blocks = result.get("blocks") or []
    if len(blocks) < 2:
        return []
    return [(f"block {block['block']}", _block(block)) for block in blocks]


def _block(block: Mapping[str, Any]) -> str:
    aborted = block["aborted"]
    if aborted is not None:
        return f"no key: {aborted['code']} ({aborted['reason']})"
    rates = (f"{_number(block[f'qber_{basis}'])} {basis.upper()}" for basis in "xz")
    return f"{_count(block['secret_bits'])} secret bits, QBER {', '.join(rates)}"


def _count(value: Any) -> str:
    return "-" if value is None else f"{value:,}".replace(",", " ")


def _rate(result: Mapping[str, Any]) -> str:
    return f"{_number(result['secret_key_rate_bps'])} bit/s"


def _epsilons(epsilon: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.2g}" for name, value in epsilon.items()) or "-"


def _theorem(result: Mapping[str, Any]) -> str:
    theorem, claim = result.get("theorem"), result.get("claim")
    return "-" if theorem is None else f"{theorem}" + (f" ({claim})" if claim else "")


def _detail(assumption: Mapping[str, Any]) -> str:
    note = assumption.get("note")
    return f" ({note})" if note else ""
