"""Deterministic time for one process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from qkdlab.clock.base import World
from qkdlab.clock.threads import PATIENCE_S, Stop, join
from qkdlab.errors import DeadlockError

__all__ = ["VirtualClock"]


@dataclass
class _Task:
    name: str
    order: int
    condition: threading.Condition
    wake_ps: int | None = None
    ready: Callable[[], bool] | None = None
    next_ps: Callable[[], int | None] | None = None
    what: str = ""
    running: bool = False
    done: bool = False
    result: object = None
    thread: threading.Thread = field(default_factory=threading.Thread)


@dataclass
class VirtualClock:
    """Deterministic time for one process.

    Exactly one task runs at a time. A task that blocks hands the baton to the
    blocked task with the earliest wake time, ties by order of registration. If no
    task is ready now, time jumps to the earliest wake time of a task or of the
    world. If there is none, all tasks are unwound and :meth:`run` raises
    `DeadlockError`, which names what each waited for.

    Outside :meth:`run` the calling thread owns the clock and time jumps freely: a
    station can be opened before any party starts.
    """

    world: World | None = None
    _now: int = 0
    _tasks: list[_Task] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: BaseException | None = None

    def now_ps(self) -> int:
        """Return the virtual time."""
        return self._now

    def spawn(self, name: str, function: Callable[[], object]) -> None:
        """Register `function` as a task; it starts with :meth:`run`."""
        task = _Task(name, len(self._tasks), threading.Condition(self._lock))
        task.wake_ps = self._now

        def body() -> None:
            self._local.task = task
            with self._lock:
                while not task.running:
                    task.condition.wait()
            try:
                if self._stopping is None:
                    task.result = function()
            except Stop:
                pass
            except BaseException as error:
                self._stop(error)
            finally:
                with self._lock:
                    task.done = True
                    task.running = False
                    self._hand_over()

        task.thread = threading.Thread(target=body, name=f"qkdlab-{name}", daemon=True)
        self._tasks.append(task)

    def run(self, poll: Callable[[], None] | None = None) -> dict[str, object]:
        """Run all tasks to their ends; see :meth:`BenchClock.run`."""
        tasks = list(self._tasks)
        try:
            for task in tasks:
                task.thread.start()
            with self._lock:
                self._hand_over()
            for task in tasks:
                join(task.thread, poll=poll)
        except BaseException as error:
            self._stop(error)
            with self._lock:
                self._hand_over()
            for task in tasks:
                join(task.thread, patience_s=PATIENCE_S)
            raise
        finally:
            self._tasks.clear()
            stopping, self._stopping = self._stopping, None
        if stopping is not None:
            raise stopping
        return {t.name: t.result for t in tasks}

    def sleep_until(self, t_ps: int) -> None:
        """Block until virtual time `t_ps`."""
        if t_ps <= self._now:
            return
        task = self._current()
        if task is None:
            self._jump(t_ps)
            return
        task.wake_ps = t_ps
        self._block(task)

    def wait(
        self,
        ready: Callable[[], bool],
        *,
        deadline_ps: int | None = None,
        next_ps: Callable[[], int | None] | None = None,
        what: str = "",
    ) -> bool:
        """Block until ``ready()``; see :meth:`Clock.wait`."""
        task = self._current()
        while not ready():
            if deadline_ps is not None and self._now >= deadline_ps:
                return False
            soonest = _earliest(deadline_ps, next_ps() if next_ps else None)
            if soonest is not None:
                # What is due already was not enough: ask again when time has moved.
                soonest = max(soonest, self._now + 1)
            if task is None:
                jump = _earliest(
                    soonest, self.world.next_event_ps() if self.world else None
                )
                if jump is None:
                    raise DeadlockError(f"nothing can happen; waiting for {what}")
                self._jump(max(jump, self._now + 1))
                continue
            task.wake_ps = soonest
            task.ready = ready
            task.next_ps = next_ps
            task.what = what
            self._block(task)
        return True

    def _current(self) -> _Task | None:
        return getattr(self._local, "task", None)

    def _jump(self, t_ps: int) -> None:
        if self.world is not None:
            self.world.advance(t_ps)
        self._now = max(self._now, t_ps)

    def _block(self, task: _Task) -> None:
        with self._lock:
            if self._stopping is not None:
                raise Stop
            task.running = False
            self._hand_over()
            while not task.running:
                task.condition.wait()
            task.wake_ps = task.ready = task.next_ps = None
            if self._stopping is not None:
                raise Stop

    def _hand_over(self) -> None:
        """Choose the next task and wake it. The lock is held."""
        alive = [t for t in self._tasks if not t.done]
        if not alive or any(t.running for t in alive):
            return
        while True:
            if self._stopping is not None:
                self._wake(alive[0])
                return
            runnable = [t for t in alive if self._is_runnable(t)]
            if runnable:
                self._wake(min(runnable, key=self._priority))
                return
            try:
                self._jump_to_next(alive)
            except BaseException as error:
                self._stopping = error

    def _jump_to_next(self, blocked: list[_Task]) -> None:
        times = [t.wake_ps for t in blocked]
        times += [t.next_ps() for t in blocked if t.next_ps is not None]
        if self.world is not None:
            times.append(self.world.next_event_ps())
        future = _earliest(*times)
        if future is None:
            waits = "; ".join(f"{t.name} waits for {t.what or '?'}" for t in blocked)
            raise DeadlockError(f"nothing can happen: {waits}")
        self._jump(max(future, self._now + 1))

    def _is_runnable(self, task: _Task) -> bool:
        try:
            if task.ready is not None and task.ready():
                return True
        except Exception:
            # The task asks again in its own thread and meets the error there.
            return True
        return task.wake_ps is not None and task.wake_ps <= self._now

    def _priority(self, task: _Task) -> tuple[int, int]:
        """Return (due time, order of registration)."""
        due = self._now if task.wake_ps is None else min(task.wake_ps, self._now)
        return due, task.order

    def _wake(self, task: _Task) -> None:
        task.running = True
        task.condition.notify_all()

    def _stop(self, error: BaseException) -> None:
        with self._lock:
            if self._stopping is None:
                self._stopping = error


def _earliest(*times: int | None) -> int | None:
    known = [t for t in times if t is not None]
    return min(known) if known else None
