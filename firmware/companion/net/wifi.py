"""Keeps the board's network up: the configured networks in their order, with pauses that grow, and names looked up.

Thin: associating, and what a network is, are the board's. The gate never waits for anything here.
"""

import asyncio

from companion.core.lazy import unload

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
        `datagrams()`: a socket of datagrams to the network's name server that never waits, OSError if it has none.
    networks: [{"ssid", "password"}] in order of preference; empty where the board has one network of its own.
    """

    def __init__(self, network: "Any", networks: "Sequence[dict[str, str]]", random: "Callable[[int], bytes]") -> None:
        self._network = network
        self.networks = networks
        self.on_coming = False  # whether we are on a network that is to take the place of ours
        self._goes_back = False
        self._random = random
        self._addresses: dict[str, str] = {}
        self._failures = 0
        self._doubted = False  # the addresses known are to be looked up anew

    async def ready(self, coming: "Sequence[dict[str, str]]" = (), at_once: bool = False) -> None:
        """Return when there is a network; try for ever. coming: networks that are to take the place of ours.

        They are joined at once if that is wanted and they can be, else when none of ours can.
        """
        if self._goes_back:
            self._goes_back = self.on_coming = False
            await self._join(self.networks)
        if at_once and await self._join(coming):
            self.on_coming = True
            return
        attempt = 0
        while not self._network.connected:
            self.on_coming = False
            if not self.networks:
                await self._try()
            if not await self._join(self.networks):
                self.on_coming = await self._join(coming)
            if not self._network.connected:
                await asyncio.sleep_ms(self.pause(attempt))
                attempt += 1

    def pause(self, attempt: int) -> int:
        """Milliseconds between two rounds: half of it fixed, half of it chance."""
        half = min(_CAP_MS, _BASE_MS << min(attempt, 12)) // 2
        return half + int.from_bytes(self._random(3), "big") % (half + 1)

    async def address(self, host: str) -> str:
        """The host's address, looked up once; one that is doubted serves on while nobody tells a better one.

        Raises OSError if there is none.
        """
        if host[-1:].isdigit():
            return host  # no name ends so
        if self._doubted or host not in self._addresses:
            from companion.net import dns  # it takes room on the heap only meanwhile

            try:
                self._addresses[host] = await dns.look_up(host, self._network.datagrams, self._random)
                self._doubted = False
            except OSError:
                if host not in self._addresses:
                    raise
            finally:
                del dns
                unload("companion.net.dns")
        return self._addresses[host]

    def worked(self) -> None:
        """A connection came about: the addresses are right."""
        self._failures = 0
        self._doubted = self.on_coming = False

    def failed(self) -> None:
        """A connection did not come about; after some of them the addresses are looked up anew."""
        self._goes_back = self.on_coming
        self._failures += 1
        if self._failures >= _FORGET_AFTER:
            self._failures = 0
            self._doubted = True

    async def _join(self, networks: "Sequence[dict[str, str]]") -> bool:
        """Try these in their order; whether one was joined."""
        for known in networks:
            await self._try(known["ssid"], known["password"])
            if self._network.connected:
                return True
        return False

    async def _try(self, *network: str) -> None:
        try:
            await self._network.up(*network)
        except OSError:
            return  # the next one, or the next round
