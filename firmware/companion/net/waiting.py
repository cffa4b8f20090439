"""Small helpers: end some tasks and wait for their end; let go of modules that are needed once in years."""

import asyncio
import sys

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


def unload(*names: str) -> None:
    """Forget modules, so that their room on the heap is free: from the table, and from the package that holds them."""
    for name in names:
        package, _, last = name.rpartition(".")
        sys.modules.pop(name, None)
        if package in sys.modules and hasattr(sys.modules[package], last):
            delattr(sys.modules[package], last)
