"""The inside of the Time Controller: connectors, blocks, recorder, its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.idq_id900.settings import Settings
from qkdlab_sims.instruments.idq_id900.sources import Source, resolve
from qkdlab_sims.instruments.idq_id900.start_stop import StartStop
from qkdlab_sims.instruments.tagger_inputs.flaws import Course
from qkdlab_sims.instruments.tagger_inputs.ports import Discriminator, Port, TimeBase

__all__ = ["Tags", "Unit"]

Bins = NDArray[np.int64]
Tags = tuple[Bins, Bins]
"""Bins since the last reference, refIndex."""

_BINS_PS = {"HIRES": 13, "LOWRES": 100}
"""[code]"""
_DEAD_PS = {"HIRES": 40_000, "LOWRES": 10_000}
"""From 25 and 100 million counts per second and input [mem]."""
_FROM_CONNECTOR = ("UNSHAPED", "SHAPED")
"""Otherwise an input hears the unit's own outputs, which are not modelled [guess]."""
_S = 1_000_000_000_000
_NONE = np.empty(0, np.int64)


class Unit:
    """Everything but the languages in which it is spoken to.

    on_tags: called with (RAW channel, tags, world time) at the end of each flush
             period in which a sending channel has tags
    on_recorded: called with the world time when a recording ends
    """

    def __init__(
        self,
        ports: Sequence[Port],
        *,
        offset_ppm: float,
        jitter_rms_ps: float,
        course: Course | None = None,
        dead_ps: int | None,
        flush_ps: int,
        hang_rate_hz: float,
        link_rate_hz: float | None,
        on_tags: Callable[[int, Tags, int], None],
        on_recorded: Callable[[int], None],
    ) -> None:
        self.ports = ports
        self.flush_ps = flush_ps
        self._offset_ppm = offset_ppm
        self._course = course
        self._margin_ps = round(4 * jitter_rms_ps)
        self._dead_ps = dead_ps
        self._hang_tags = hang_rate_hz * flush_ps / _S
        self._link_tags = (
            None if link_rate_hz is None else round(link_rate_hz * flush_ps / _S)
        )
        self._on_tags = on_tags
        self._on_recorded = on_recorded
        self._done_ps = 0
        self.power_up()

    def power_up(self) -> None:
        """Forget everything: what a restart does."""
        self.settings = Settings()
        self.hung = False
        self.playing = False
        self.errors = [0] * 5
        self.histograms = [np.zeros(16384, np.int64) for _ in range(5)]
        self._raw = [StartStop() for _ in range(5)]
        self._timers = [StartStop() for _ in range(5)]
        self._sources: dict[str, Source | None] = {}
        self._ready: list[list[Tags]] = [[] for _ in range(5)]
        self._stop_bin: int | None = None
        self.time_base = self._make_time_base()

    @property
    def next_flush_ps(self) -> int:
        """When the flush period that has not ended yet will end."""
        return (self._done_ps // self.flush_ps + 1) * self.flush_ps

    def advance(self, t_ps: int) -> None:
        """Process everything before `t_ps`; ends the flush periods on the way."""
        while self.playing and self.next_flush_ps <= t_ps:
            end_ps = self.next_flush_ps
            self.run(end_ps)
            self._flush(end_ps)
        if not self.playing and self.next_flush_ps <= t_ps:
            self.run(t_ps)
        if self.hung:
            self._done_ps = max(self._done_ps, t_ps)
            for port in self.ports:
                port.drop(t_ps)

    def run(self, until_ps: int) -> None:
        """Process the pulses before `until_ps` under the present settings."""
        if self.hung or until_ps <= self._done_ps:
            return
        self._done_ps = until_ps
        edges = [
            self.time_base.bins(port.edges(until_ps, self._discriminator(n)))
            for n, port in enumerate(self.ports)
        ]
        limit = self.time_base.bin_of(until_ps - self._margin_ps)
        if self.playing:
            self._record(edges, limit, until_ps)
        for number in range(1, 5):
            self._fill_histogram(number, edges, limit)

    def settings_changed(self) -> None:
        """Read the settings again; a new time base ends a recording."""
        self._sources.clear()
        time_base = self._make_time_base()
        if time_base != self.time_base:
            self.stop(self._done_ps)
            self.time_base = time_base
            for timer in self._timers:
                timer.begin(time_base.bin_of(self._done_ps))

    def play(self, now_ps: int) -> None:
        """Begin a recording."""
        begin = self.time_base.bin_of(now_ps)
        for raw in self._raw:
            raw.begin(begin)
        duration_ps = int(self.settings.get("RECord:DURation"))
        endless = self.settings.get("RECord:NUMber") == "INF"
        n_bins = duration_ps // self.time_base.bin_ps
        self._stop_bin = None if endless else begin + n_bins
        self.playing = True

    def stop(self, now_ps: int) -> None:
        """End the recording, if there is one."""
        if self.playing:
            self._finish(self.time_base.bin_of(now_ps), now_ps)

    def flush_histogram(self, number: int) -> None:
        """Set a histogram to zero."""
        self.histograms[number][:] = 0

    def _make_time_base(self) -> TimeBase:
        internal = self.settings.get("DEVIce:SYNC") == "INTERNAL"
        bin_ps = _BINS_PS[str(self.settings.get("DEVIce:RESolution"))]
        offset_ppm = self._offset_ppm if internal else 0.0
        course = None
        if self._course is not None:
            course = self._course.under(is_external=not internal)
        return TimeBase(offset_ppm, bin_ps, course)

    def _discriminator(self, port: int) -> Discriminator:
        block = "INPUt{4}" if port else "STARt"
        get = self.settings.get
        dead_ps = _DEAD_PS[str(get("DEVIce:RESolution"))]
        return Discriminator(
            enabled=get(f"{block}:ENABle", port) == "ON"
            and get(f"{block}:SELEct", port) in _FROM_CONNECTOR,
            threshold_v=float(get(f"{block}:THREshold", port)),
            rising=get(f"{block}:EDGE", port) == "RISING",
            dead_ps=dead_ps if self._dead_ps is None else self._dead_ps,
        )

    def _signal(self, link: str, edges: Sequence[Bins]) -> Bins:
        """Return the edges that a linked block sees."""
        if link not in self._sources:
            self._sources[link] = resolve(link, self.settings)
        source = self._sources[link]
        if source is None:
            return _NONE
        return edges[source.port] + round(source.delay_ps / self.time_base.bin_ps)

    def _record(self, edges: Sequence[Bins], limit: int, now_ps: int) -> None:
        for number in range(1, 5):
            stop = str(self.settings.get("RAW{4}:[INPOrt]:STOP:LINK", number))
            ref = str(self.settings.get("RAW{4}:[INPOrt]:REF:LINK", number))
            self._raw[number].add(self._signal(stop, edges), self._signal(ref, edges))
        if self._stop_bin is not None and limit >= self._stop_bin:
            self._finish(self._stop_bin, now_ps)
        else:
            self._collect(limit)

    def _collect(self, limit: int) -> None:
        for number in range(1, 5):
            tags = self._raw[number].until(limit)
            if tags[0].size and self.settings.get("RAW{4}:SEND", number) == "ON":
                self._ready[number].append(tags)

    def _finish(self, stop_bin: int, now_ps: int) -> None:
        self._collect(stop_bin)
        self.playing = False
        self._flush(now_ps)
        self._on_recorded(now_ps)

    def _flush(self, now_ps: int) -> None:
        """Send what is ready; too much of it hangs the unit (user's manual [doc])."""
        total = sum(tags[0].size for ready in self._ready for tags in ready)
        if total > self._hang_tags:
            self.hung = True
            self.playing = False
        for number, ready in enumerate(self._ready):
            if ready and not self.hung:
                since = np.concatenate([tags[0] for tags in ready])
                index = np.concatenate([tags[1] for tags in ready])
                n_sent = since.size
                if self._link_tags is not None and n_sent > self._link_tags:
                    self.errors[number] += n_sent - self._link_tags
                    n_sent = self._link_tags
                self._on_tags(number, (since[:n_sent], index[:n_sent]), now_ps)
            ready.clear()

    def _fill_histogram(self, number: int, edges: Sequence[Bins], limit: int) -> None:
        get = self.settings.get
        timer = self._timers[number]
        gate = str(get("HISTogram{4}:[INPOrt]:ENABle:LINK", number))
        if not self._is_open(gate):
            timer.begin(limit)
            return
        stop = str(get("HISTogram{4}:[INPOrt]:STOP:LINK", number))
        ref = str(get("HISTogram{4}:[INPOrt]:REF:LINK", number))
        timer.add(self._signal(stop, edges), self._signal(ref, edges))
        since, index = timer.until(limit)
        since_ps = since[index > 0] * self.time_base.bin_ps
        least_ps = int(get("HISTogram{4}:MINimum", number))
        column = (since_ps - least_ps) // int(get("HISTogram{4}:BWIDth", number))
        n_columns = int(get("HISTogram{4}:BCOUnt", number))
        column = column[(column >= 0) & (column < n_columns)]
        self.histograms[number] += np.bincount(column, minlength=16384)

    def _is_open(self, gate: str) -> bool:
        if gate == "NONE":
            return True
        if gate.startswith("TSGE"):
            return self.settings.get("TSGEnerator{8}:ENABle", int(gate[4:])) == "ON"
        return self.playing
