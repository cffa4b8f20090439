"""Ends tasks and waits for their end."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


async def end(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel `tasks` and return when all are over.

    It does not await them: MicroPython hands a cancellation on to the task that is awaited, so one that comes from
    outside would be taken for the end of that task, and lost.
    """
    for task in tasks:
        task.cancel()
    for task in tasks:
        while not task.done():
            await asyncio.sleep_ms(0)
