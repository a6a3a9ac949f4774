"""Host time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from qkdlab.clock.base import PS_PER_S
from qkdlab.clock.threads import PATIENCE_S, Stop, join

__all__ = ["RealClock"]


class RealClock:
    """Host time, monotonic; for real benches and paced simulation."""

    def __init__(self) -> None:
        self._origin_ns = time.monotonic_ns()
        self._threads: dict[str, threading.Thread] = {}
        self._results: dict[str, object] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._error: BaseException | None = None

    def spawn(self, name: str, function: Callable[[], object]) -> None:
        """Register `function` as a task; it starts with :meth:`run`."""

        def body() -> None:
            try:
                self._results[name] = function()
            except Stop:
                pass
            except BaseException as error:
                self._stop(error)

        thread = threading.Thread(target=body, name=f"qkdlab-{name}", daemon=True)
        self._threads[name] = thread

    def run(self, poll: Callable[[], None] | None = None) -> dict[str, object]:
        """Run all tasks at once; see :meth:`BenchClock.run`."""
        threads = dict(self._threads)
        try:
            for thread in threads.values():
                thread.start()
            for thread in threads.values():
                join(thread, poll=poll)
        except BaseException as error:
            self._stop(error)
            for thread in threads.values():
                join(thread, patience_s=PATIENCE_S)
            raise
        finally:
            self._threads.clear()
            self._stopping.clear()
            failure, self._error = self._error, None
            results, self._results = self._results, {}
        if failure is not None:
            raise failure
        return {name: results[name] for name in threads}

    def _stop(self, error: BaseException) -> None:
        with self._lock:
            if self._error is None:
                self._error = error
        self._stopping.set()

    def _pause(self, delay_s: float) -> None:
        """Sleep; in a task of a run that ends early, unwind."""
        if threading.current_thread() not in self._threads.values():
            time.sleep(delay_s)
        elif self._stopping.wait(delay_s):
            raise Stop

    def now_ps(self) -> int:
        """Return the time since the clock was made."""
        return (time.monotonic_ns() - self._origin_ns) * 1000

    def sleep_until(self, t_ps: int) -> None:
        """Sleep in host time; a run that ends early unwinds those who are late, too."""
        self._pause(max(0, t_ps - self.now_ps()) / PS_PER_S)

    def wait(
        self,
        ready: Callable[[], bool],
        *,
        deadline_ps: int | None = None,
        next_ps: Callable[[], int | None] | None = None,
        what: str = "",
    ) -> bool:
        """Poll ``ready()`` every millisecond of host time; see :meth:`Clock.wait`."""
        while not ready():
            if deadline_ps is not None and self.now_ps() >= deadline_ps:
                return False
            self._pause(0.001)
        return True
