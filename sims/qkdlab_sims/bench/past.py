"""What the world keeps of the past: as much as instruments may still ask about."""

from __future__ import annotations

from collections.abc import Iterable

from qkdlab.clock import PS_PER_S
from qkdlab_sims.bench.detection import Detection
from qkdlab_sims.bench.ports import LooksBack
from qkdlab_sims.bench.power import PowerHistory

__all__ = ["Past"]

_BETWEEN_PS = PS_PER_S
_REMEMBERED_PS = 2 * PS_PER_S


class Past:
    """Power at the meters and counts of the detectors.

    About once a second of world time those who look back settle what is due, and what
    they need no longer is forgotten, but for the last two seconds.

    meters:   names of the sensors
    watchers: by sensor, the instruments that may be asked for readings
    counters: instruments that count
    """

    def __init__(self, meters: Iterable[str], detection: Detection) -> None:
        self.power = {name: PowerHistory() for name in meters}
        self.watchers: dict[str, LooksBack] = {}
        self.counters: list[LooksBack] = []
        self._detection = detection
        self._settled_ps = 0

    def settle(self, t_ps: int) -> None:
        """Let those who look back settle what was due by `t_ps`; then forget.

        t_ps: a little before now, so that all clicks before it are known
        """
        if t_ps - self._settled_ps < _BETWEEN_PS:
            return
        self._settled_ps = t_ps
        oldest_ps = t_ps - _REMEMBERED_PS
        counted = [port.settle(t_ps) for port in self.counters]
        self._detection.forget_counts_before(min([oldest_ps, *counted]))
        for name, history in self.power.items():
            watcher = self.watchers.get(name)
            needed_ps = t_ps if watcher is None else watcher.settle(t_ps)
            history.forget_before(min(oldest_ps, needed_ps))
