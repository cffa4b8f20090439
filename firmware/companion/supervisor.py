"""Looks after the tasks: feeds the watchdog only while all of them move, and tells which one died or stands still."""

import asyncio

from companion.store.faults import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

NEVER = 1 << 60  # as bearable_ms: the machine goes on without it
_LOOK_MS = 500
_YOUNG_MS = 60_000
_LINGER_S = 10


class _Task:
    """A named task."""

    def __init__(self, name: str, task: asyncio.Task, most: int | None, bearable_ms: int) -> None:
        self.name = name
        self.task = task
        self.most = most  # looks that it may be silent; None: it tells nothing
        self.bearable_ms = bearable_ms  # from which uptime its end or silence counts
        self.looks = 0  # since it last moved


class Moving:
    """A coroutine in whose place it runs; each step that the loop lets it take counts as moving."""

    def __init__(self, work: "Coroutine[Any, Any, None]") -> None:
        self._work = work
        self.steps = 0

    def send(self, value: "Any") -> "Any":
        """One step."""
        self.steps += 1
        return self._work.send(value)

    def throw(self, *what: "Any") -> "Any":
        """One step with an exception, which ends it or not."""
        self.steps += 1
        return self._work.throw(*what)

    def close(self) -> None:
        """End it."""
        self._work.close()

    def __await__(self) -> "Any":
        return self._work.__await__()


class Supervisor:
    """Named tasks, when each last moved, and how long it may stand still."""

    def __init__(self, board: "Any") -> None:
        """board: `watchdog.feed()` and `monotonic_ms()`."""
        self._board = board
        self._tasks: list[_Task] = []
        self._moving: list[tuple[_Task, Moving, int]] = []

    def start(
        self, name: str, work: "Any", silent_ms: int | None = None, bearable_ms: int = 0, steps: bool = False
    ) -> None:
        """Start a task. silent_ms: how long it may go without `moved`; None if it tells nothing.

        steps: it does not call `moved`; that the loop runs it counts instead.
        bearable_ms: the gate works without it, so its end counts only once the machine is up this long. Else
        something that kills it again and again would take the gate along, and fill the journal with boots.
        """
        moving = Moving(work) if steps else None
        runs: Any = moving or work
        most = None if silent_ms is None else silent_ms // _LOOK_MS
        task = _Task(name, asyncio.create_task(runs), most, bearable_ms)
        self._tasks.append(task)
        if moving is not None:
            self._moving.append((task, moving, 0))

    def knows(self, task: object) -> bool:
        """Whether this is one of the tasks that are looked after: its end is told by `watch`."""
        for known in self._tasks:
            if known.task is task:
                return True
        return False

    def moved(self, name: str) -> None:
        """A task says that it moves."""
        for task in self._tasks:
            if task.name == name:
                task.looks = 0

    async def watch(self) -> tuple[str, str]:
        """Returns when a task died or stood still for too long: its name, and why in a few words."""
        while True:
            now_ms = self._board.monotonic_ms()
            self._note_steps()
            for task in self._tasks:
                if now_ms < task.bearable_ms:
                    continue
                if task.task.done():
                    return task.name, await _reason(task.task)
                task.looks += 1
                if task.most is not None and task.looks > task.most:
                    return task.name, "stands still"
            self._board.watchdog.feed()
            await self._pause()

    def _note_steps(self) -> None:
        for n, (task, moving, before) in enumerate(self._moving):
            if moving.steps != before:
                task.looks = 0
                self._moving[n] = (task, moving, moving.steps)

    async def _pause(self) -> None:
        await asyncio.sleep(_LOOK_MS / 1000)

    async def linger(self) -> None:
        """Soon after a boot, wait a little before the next one: a door that dies at once still answers in between."""
        if self._board.monotonic_ms() < _YOUNG_MS:
            self._board.watchdog.feed()
            await asyncio.sleep(_LINGER_S)


async def _reason(task: asyncio.Task) -> str:
    try:
        await task
    except Exception as failed:  # noqa: BLE001 - that is what is wanted
        return describe(failed)
    return "ended"
