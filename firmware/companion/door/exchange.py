"""Commands to a barcode module and its answers, while nobody else reads from it."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Port(Protocol):
        """What the board gives: a UART, 8N1."""

        async def readinto(self, buffer: bytearray) -> int | None:
            """Fill some of the buffer as bytes come; how much."""

        def write(self, data: bytes) -> object:
            """Send these bytes."""

        def baud(self, rate: int) -> None:
            """Both directions at this speed from now on; what came before is dropped."""


RATE = 57_600
RATES = (57_600, 9_600, 115_200, 38_400, 19_200)  # ours, then the makers' own, then what somebody may have chosen
_HELD = 64


async def ask(port: "Port", command: bytes, begins: bytes, size: int, patience_ms: int = 120) -> bytes | None:
    """Send a command; the answer that begins so and has that many bytes, None if none came in time.

    What comes before it (the rest of a code that was just scanned) is passed over.
    """
    port.write(command)
    try:
        answer: bytes | None = await asyncio.wait_for(_answer(port, begins, size), patience_ms / 1000)
    except asyncio.TimeoutError:
        return None
    return answer


async def _answer(port: "Port", begins: bytes, size: int) -> bytes | None:
    held = bytearray()
    chunk = bytearray(_HELD)
    while len(held) <= 4 * _HELD:
        n = await port.readinto(chunk)
        held += chunk[: n or 0]
        at = held.find(begins)
        if at >= 0 and len(held) - at >= size:
            return bytes(held[at : at + size])
    return None
