"""Looks after the tasks: feeds the watchdog only while all of them move, and tells which one died."""

import asyncio

from companion.door.entry import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

_LOOK_MS = 500
_YOUNG_MS = 60_000
_LINGER_S = 10


class Supervisor:
    """Named tasks, the time at which each last said that it moves, and how long it may be silent."""

    def __init__(self, board: "Any") -> None:
        """board: `watchdog.feed()` and `monotonic_ms()`."""
        self._board = board
        self._tasks: list[tuple[str, asyncio.Task, int]] = []  # the last: from which uptime its death counts, ms
        self._rounds: dict[str, int] = {}  # looks since a task last moved
        self._most: dict[str, int] = {}

    def start(
        self, name: str, work: "Coroutine[Any, Any, None]", silent_ms: int | None = None, bearable_ms: int = 0
    ) -> None:
        """Start a task. silent_ms: how long it may go without `moved`; None if it tells nothing.

        bearable_ms: the gate works without it, so its death counts only once the machine is up this long. Else
        something that kills it again and again would take the gate along, and fill the journal with boots.
        """
        self._tasks.append((name, asyncio.create_task(work), bearable_ms))
        if silent_ms is not None:
            self._rounds[name] = 0
            self._most[name] = silent_ms // _LOOK_MS

    def moved(self, name: str) -> None:
        """A task says that it moves."""
        self._rounds[name] = 0

    async def watch(self) -> tuple[str, str]:
        """Returns when a task died: its name, and why in a few words."""
        while True:
            for name, task, bearable_ms in self._tasks:
                if task.done() and self._board.monotonic_ms() >= bearable_ms:
                    return name, await _reason(task)
            stuck = False
            for name in self._rounds:
                self._rounds[name] += 1
                stuck = stuck or self._rounds[name] > self._most[name]
            if not stuck:
                self._board.watchdog.feed()
            await self._pause()

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
