"""A whole bench made safe by hand: every instrument, in the safe order."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qkdlab.errors import InstrumentError
from qkdlab.station.hands import as_it_stands, new_station
from qkdlab.station.safety import SafeStep, in_safe_order

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.station.bench import Bench

__all__ = ["SafeReport", "make_bench_safe"]


@dataclass(frozen=True, slots=True)
class SafeReport:
    """How one instrument ended; `problem` is None when it is safe."""

    name: str
    problem: str | None


def make_bench_safe(
    config: RunConfig, bench: Bench, parties: Iterable[str], progress: Report
) -> list[SafeReport]:
    """Bring every instrument of `parties` to its safe state, light first.

    An instrument that does not answer hinders no other. The order is that of the whole
    bench, not of one party after the other. Nothing else is written.
    """
    steps: list[SafeStep] = []
    problems: dict[str, str] = {}
    with ExitStack() as stack:
        for party in parties:
            station = new_station(party, bench)
            stack.callback(station.close)
            for name, instrument in config.parties[party].instruments.items():
                full = f"{party}.{name}"
                progress(f"opening {full}", 0, 1)
                try:
                    station.add(name, as_it_stands(instrument))
                except Exception as error:
                    problems[full] = str(error)
            steps += [
                replace(step, name=f"{party}.{step.name}")
                for step in station.safe_steps()
            ]
        reports = [_make_safe(step) for step in in_safe_order(steps)]
    told = {report.name for report in reports}
    missing = [SafeReport(n, p) for n, p in problems.items() if n not in told]
    return [*missing, *reports]


def _make_safe(step: SafeStep) -> SafeReport:
    try:
        step.instrument.safe_state()
    except InstrumentError as error:
        return SafeReport(step.name, str(error))
    except Exception as error:
        return SafeReport(step.name, f"{type(error).__name__}: {error}")
    return SafeReport(step.name, None)
