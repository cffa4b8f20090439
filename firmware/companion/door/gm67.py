"""Barcode modules that are set up by parameters: GM67, GM69-S, GM77 and the first M5Stack ATOM QR-CODE (A133).

Source: Hangzhou Grow, *GM67 Bar Code Reader Module User Manual* V1.3, and the makers' "Serial port instruction table".
A command is its length (itself included, the checksum not), C6, 04 (from the host), status (00 until power goes, 08 for
good), 00 or the page, parameter, value, and the two's complement of the sum of all bytes, two bytes. The answer is
04 D0 00 00 FF 2C. A sleeping module is woken by a byte 00, 50 ms before.
Told anew at each look and never stored: these modules can't be asked what they have, and their flash is to last.
The table names no parameter that forbids set-up codes; our next look takes back what such a code did.
"""

import asyncio

from companion.door.exchange import RATE, RATES, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.door.exchange import Port

PAUSE_MS = 0  # lines end with CR
_DONE = b"\x04\xd0\x00\x00\xff\x2c"
_WAKE_S = 0.05
_TRIES = 3
_INDUCTION = b"\x8a\x09"  # reads by itself when something comes before it
_SPEED_57600 = b"\x9c\x09"
_WANTED = (
    b"\xf2\x01\x00",  # answers go to the serial line
    b"\xee\x00",  # the code as it is, in no frame
    b"\xf2\x05\x02",  # and CR after it
)


async def setup(port: "Port") -> int | None:
    """Tell the module how we want it; 0 (what it was can't be known), None if it does not answer."""
    rate = await _find(port)
    if rate is None:
        return None
    for parameter in _WANTED:
        if not await _tell(port, parameter):
            return None
    if rate != RATE:
        await _tell(port, _SPEED_57600)  # it may answer at either speed: what counts is that it hears us after
        port.baud(RATE)
        if not await _wake(port):
            return None
    return 0


async def _find(port: "Port") -> int | None:
    """The speed at which the module answers, which the port has then."""
    for rate in RATES:
        port.baud(rate)
        if await _wake(port):
            return rate
    port.baud(RATE)  # one that takes no commands may still send codes
    return None


async def _wake(port: "Port") -> bool:
    """Wake it and put it in its mode."""
    for _ in range(_TRIES):
        port.write(b"\0")
        await asyncio.sleep(_WAKE_S)
        if await _tell(port, _INDUCTION):
            return True
    return False


async def _tell(port: "Port", parameter: bytes) -> bool:
    body = bytes([5 + len(parameter), 0xC6, 4, 0, 0]) + parameter
    total = -sum(body) & 0xFFFF
    return await ask(port, body + bytes([total >> 8, total & 255]), _DONE, len(_DONE)) is not None
