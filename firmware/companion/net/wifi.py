"""Keeps the board's network up: the configured networks in their order, with pauses that grow, and one look-up a name.

Thin: associating, and what a network is, are the board's. The gate never waits for anything here.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_BASE_MS = 1000
_CAP_MS = 60000
_FORGET_AFTER = 3  # failed connections in a row: the address may have changed


class Wifi:
    """The way to a network.

    network: the board's, with `connected`, `await up()` (or `up(ssid, password)` where networks are configured) and
        `resolve(host)`, which may block and is therefore called once.
    networks: [{"ssid", "password"}] in order of preference; empty where the board has one network of its own.
    """

    def __init__(self, network: "Any", networks: "Sequence[dict[str, str]]", random: "Callable[[int], bytes]") -> None:
        self._network = network
        self._networks = networks
        self._random = random
        self._addresses: dict[str, str] = {}
        self._failures = 0

    async def ready(self) -> None:
        """Return when there is a network; try for ever."""
        attempt = 0
        while not self._network.connected:
            if not self._networks:
                await self._try()
            for known in self._networks:
                if self._network.connected:
                    return
                await self._try(known["ssid"], known["password"])
            if not self._network.connected:
                await asyncio.sleep_ms(self.pause(attempt))
                attempt += 1

    def pause(self, attempt: int) -> int:
        """Milliseconds between two rounds: half of it fixed, half of it chance."""
        half = min(_CAP_MS, _BASE_MS << min(attempt, 12)) // 2
        return half + int.from_bytes(self._random(3), "big") % (half + 1)

    def address(self, host: str) -> str:
        """The host's address, looked up once. Raises OSError if there is none."""
        if host not in self._addresses:
            self._addresses[host] = self._network.resolve(host)
        return self._addresses[host]

    def worked(self) -> None:
        """A connection came about: the addresses are right."""
        self._failures = 0

    def failed(self) -> None:
        """A connection did not come about; after some of them the addresses are looked up anew."""
        self._failures += 1
        if self._failures >= _FORGET_AFTER:
            self._failures = 0
            self._addresses.clear()

    async def _try(self, *network: str) -> None:
        try:
            await self._network.up(*network)
        except OSError:
            return  # the next one, or the next round
