"""One process of the fleet: many doors in one asyncio loop, told what to do on the standard input, a line of JSON each.

Commands: {"do": "connect", "a_second": N}, {"do": "say", "count": N, "in_message": N}, {"do": "look"},
{"do": "some", "lines": N}, {"do": "report"}, {"do": "told"}, {"do": "end"}.
Each is answered with one line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from tools.fleet.door import KEEPALIVE, Door


class Shard:
    """The doors of one file (see `roll.write`)."""

    def __init__(self, roll: Path, first: int, count: int) -> None:
        facts = json.loads(roll.read_text("utf-8"))
        place = facts["host"], facts["port"], facts["name"]
        folder = roll.parent
        self.doors = [
            Door(one["id"], bytes.fromhex(one["link_key"]), _context(folder, one["id"]), place, facts["key_id"])
            for one in facts["doors"][first : first + count]
        ]
        self._turn = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        """Until it is told to end, or nobody listens any more."""
        loop = asyncio.get_running_loop()
        asyncio.ensure_future(self._keep_alive())  # noqa: RUF006  ends with the loop
        print(json.dumps({"doors": len(self.doors)}), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            words = json.loads(line)
            if words["do"] == "end":
                break
            answer = await getattr(self, "_" + words.pop("do"))(**words)
            print(json.dumps(answer), flush=True)
        for door in self.doors:
            door.leave()
        await asyncio.sleep(0.5)
        for task in self._tasks:
            task.cancel()

    async def _connect(self, a_second: float) -> dict[str, Any]:
        """Begin, so many doors a second; each then keeps itself connected."""
        begun = time.monotonic()
        for n, door in enumerate(self.doors):
            late = begun + n / a_second - time.monotonic()
            if late > 0:
                await asyncio.sleep(late)
            self._tasks.append(asyncio.ensure_future(door.run()))
        return {}

    async def _say(self, count: int, in_message: int, *, once: bool = False) -> dict[str, Any]:
        for n, door in enumerate(self.doors):
            door.says(count, in_message, once=once)
            if n % 100 == 99:
                await asyncio.sleep(0)
        return {}

    async def _some(self, lines: int) -> dict[str, Any]:
        """A line each of so many doors, in turn."""
        for _ in range(lines):
            self.doors[self._turn % len(self.doors)].says(1)
            self._turn += 1
        return {}

    async def _report(self) -> dict[str, Any]:
        """A state of each door, as they send one every quarter of an hour."""
        for door in self.doors:
            door.report()
        return {}

    async def _look(self) -> dict[str, Any]:
        doors = self.doors
        return {
            "connected": sum(door.connected for door in doors),
            "answered": sum(door.answered for door in doors),
            "policy": sum("version" in door.policy for door in doors),
            "quiet": sum(door.connected and door.answered and not door.waiting for door in doors),
            "waiting": sum(door.waiting for door in doors),
            "unsent": sum(door.unsent for door in doors),
            "acks": sum(door.acks for door in doors),
            "opens": sum(door.opens for door in doors),
            "connects": sum(door.connects for door in doors),
            "oldest_policy": min((door.policy.get("version", 0) for door in doors), default=0),
        }

    async def _told(self) -> dict[str, Any]:
        """What each door has written, for the count at the end."""
        return {door.id: door.told for door in self.doors}

    async def _keep_alive(self) -> None:
        pause = KEEPALIVE * 0.5 / max(1, len(self.doors))
        while True:
            begun = time.monotonic()
            for n, door in enumerate(self.doors):
                door.ping()
                late = begun + (n + 1) * pause - time.monotonic()
                if late > 0.01:
                    await asyncio.sleep(late)
            await asyncio.sleep(max(0.0, begun + KEEPALIVE * 0.5 - time.monotonic()))


def _context(folder: Path, companion_id: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "ca.pem")
    context.load_cert_chain(folder / f"{companion_id}.pem")
    return context


def main() -> int:
    """python -m tools.fleet.shard ROLL FIRST COUNT."""
    roll, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    shard = Shard(roll, first, count)
    gc.freeze()  # the doors stay: the collector need not look at them again
    asyncio.run(shard.serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
