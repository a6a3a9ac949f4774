"""One party's station: its instruments, opened, asked who they are, and bound."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook
from qkdlab.clock import Clock
from qkdlab.errors import (
    ConfigError,
    InstrumentDisconnected,
    InstrumentError,
    InstrumentReplyError,
    InstrumentTimeout,
)
from qkdlab.plugins import driver_spec
from qkdlab.progress import Report
from qkdlab.station.bench import Bench, RealBench
from qkdlab.station.interlocks import GuardedTagger
from qkdlab.station.safety import SafeStep, make_safe, report_failures
from qkdlab.transport.recording import Traffic, Witness, recording

if TYPE_CHECKING:
    from qkdlab.config.models import InstrumentConfig, RunConfig
    from qkdlab.roles.spec import DriverSpec
    from qkdlab.transport.base import Transport

__all__ = ["Station", "UnverifiedDriverWarning", "open_station", "warn_if_unverified"]


class UnverifiedDriverWarning(UserWarning):
    """A driver that no real instrument has confirmed meets a real instrument."""


@dataclass
class Station:
    """One party's instruments and the roles that they play.

    instruments: the drivers, by the names of the configuration
    identities:  what each instrument said of itself
    roles:       instruments and composites, by the names of the configuration
    calibration: the party's records, valid when the station was opened
    witness:     sees the traffic of all lines but the streams of tags
    """

    party: str
    bench: Bench
    calibration: PartyBook
    witness: Witness | None = None
    instruments: dict[str, Any] = field(default_factory=dict)
    identities: dict[str, dict[str, str]] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    _steps: dict[str, SafeStep] = field(default_factory=dict)
    _lines: dict[tuple[str, str], Transport] = field(default_factory=dict)
    _is_leaving: bool = False

    def add(self, name: str, config: InstrumentConfig) -> DriverSpec:
        """Connect, construct and identify one instrument.

        From its construction on it takes part in the safe state. Raises InstrumentError
        when it does not answer or is another model.
        """
        spec = driver_spec(config.driver)
        connection = config.bus or name
        lines = {e: self._line(spec, connection, e) for e in spec.endpoints}
        instrument = spec.load()(
            f"{self.party}_{name}", lines, config.options, self.bench.clock
        )
        self.instruments[name] = instrument
        self._steps[name] = SafeStep(name, instrument, tuple(spec.roles))
        try:
            self.identities[name] = dict(instrument.identify())
        except (InstrumentTimeout, InstrumentReplyError, InstrumentDisconnected):
            raise
        except InstrumentError:
            # It is another device: nothing more may be sent to it.
            del self._steps[name]
            raise
        return spec

    def parts(
        self, *, are_fixed: bool = False, marks: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """Return the instruments as roles see them.

        A time tagger beside a bias source, or behind detectors that need none, is
        guarded by the interlock, which makes this station's light and bias safe when
        it trips.

        are_fixed: whether the station's detectors have a bias that nothing sets
        marks:     by tagger, the channel whose tags are no clicks
        """
        parts = dict(self.instruments)
        hazards = [s for s in self._steps.values() if s.plays("Attenuator", "Shutter")]
        biases = [s for s in self._steps.values() if s.plays("BiasSource")]
        if not biases and not are_fixed:
            return parts
        bias = biases[0].instrument if biases else None
        for step in self._steps.values():
            if step.plays("TimeTagger"):
                parts[step.name] = GuardedTagger(
                    step.instrument,
                    bias,
                    lambda: self._make_safe([*hazards, *biases]),
                    marks=(marks or {}).get(step.name),
                )
        return parts

    def snapshot(self) -> dict[str, Any]:
        """Return what the drivers remember of their instruments, fit for JSON."""
        from qkdlab.station.qcodes_station import snapshot

        return snapshot(self.instruments)

    def safe_steps(self) -> list[SafeStep]:
        """Return what takes part in the safe state, as it was opened."""
        return list(self._steps.values())

    def safe_state(self) -> list[Exception]:
        """Bring every instrument to safety, in order; return what failed."""
        return self._make_safe(self.safe_steps())

    def close(self) -> None:
        """Close drivers and lines; after the safe state a failure harms nobody."""
        for closing in [*self.instruments.values(), *self._lines.values()]:
            with suppress(Exception):
                closing.close()
        self.instruments.clear()
        self._lines.clear()
        self._steps.clear()

    def _make_safe(self, steps: list[SafeStep]) -> list[Exception]:
        before, self._is_leaving = self._is_leaving, True
        try:
            return make_safe(steps)
        finally:
            # after an interlock tripped the record goes on
            self._is_leaving = before

    def _see(self, traffic: Traffic) -> None:
        """Show traffic to the witness; a full disk must not hinder the safe state."""
        if self.witness is None:
            return
        try:
            self.witness(traffic)
        except Exception:
            if not self._is_leaving:
                raise

    def _line(self, spec: DriverSpec, connection: str, endpoint: str) -> Transport:
        """Return a line; one shared bus is opened once and lent to all its users."""
        key = (connection, endpoint)
        if key not in self._lines:
            line = self.bench.connect(self.party, connection, endpoint)
            if self.witness is not None and not spec.endpoints[endpoint].is_stream:
                name = f"{connection}.{endpoint}"
                line = recording(line, self.bench.clock, self._see, name)
            self._lines[key] = line
        return self._lines[key]


@contextmanager
def open_station(
    config: RunConfig,
    party: str,
    bench: Bench,
    progress: Report,
    witness: Witness | None = None,
) -> Iterator[Station]:
    """Open the station of `party`; on any way out its instruments are made safe.

    That holds for an error half-way through opening, too. `witness` sees what passes
    on the lines, streams of tags left out. Raises InstrumentError and
    ConfigError; failures of the safe state are added to the first error as notes.
    """
    is_real = isinstance(bench, RealBench)
    book = _calibration(config, party, is_real, bench.clock)
    station = Station(party, bench, book, witness)
    first: BaseException | None = None
    try:
        _open_instruments(station, config, is_real, progress)
        _bind_roles(station, config)
        yield station
    except BaseException as error:
        first = error
        raise
    finally:
        failures = station.safe_state()
        station.close()
        report_failures(party, failures, first)


def _calibration(
    config: RunConfig, party: str, is_real: bool, clock: Clock
) -> PartyBook:
    """Return the party's records at the date of the bench.

    The date of a simulated bench is that of its newest record: what such a run gives
    does not depend on the day on which it is made.
    """
    now = datetime.now(UTC)
    if not is_real:
        now = max((record.time for record in config.calibration), default=now)
    begin_ps = clock.now_ps()
    return PartyBook(
        CalibrationBook(config.calibration),
        party,
        now,
        lambda: clock.now_ps() - begin_ps,
    )


def _open_instruments(
    station: Station, config: RunConfig, is_real: bool, progress: Report
) -> None:
    instruments = config.parties[station.party].instruments
    for done, (name, instrument) in enumerate(instruments.items()):
        progress(f"{station.party}: opening {name}", done, len(instruments))
        spec = station.add(name, instrument)
        if is_real:
            warn_if_unverified(station.party, name, spec)


def warn_if_unverified(party: str, name: str, spec: DriverSpec) -> None:
    """Warn of a driver that meets a real instrument for the first time."""
    if spec.verified == "simulated":
        warnings.warn(
            f"{party}.{name}: the driver {spec.name} was verified against a simulator "
            "only; watch the instrument",
            UnverifiedDriverWarning,
            stacklevel=2,
        )


def _bind_roles(station: Station, config: RunConfig) -> None:
    from qkdlab.station.composites import build

    roles = config.parties[station.party].roles.values()
    are_fixed = any(role.composite == "fixed_detectors" for role in roles)
    fields = [role.model_extra or {} for role in roles]
    marks = {str(f["tagger"]): int(f["marks"]) for f in fields if "marks" in f}
    parts = station.parts(are_fixed=are_fixed, marks=marks)
    for name, role in config.parties[station.party].roles.items():
        if role.composite is not None:
            station.roles[name] = build(
                role.composite, role.model_extra or {}, parts, station.calibration
            )
        elif role.instrument in parts:
            station.roles[name] = parts[role.instrument]
        else:
            raise ConfigError(
                f"parties.{station.party}.roles.{name}.instrument: no instrument "
                f"'{role.instrument}'; there are {', '.join(parts)}"
            )
