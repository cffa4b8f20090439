"""Barcode modules that are set up by zone bits: GM65, GM65-S, GM60-S, GM805, GM812 and their like.

Source: Hangzhou Grow, *GM65 Bar Code Reader Module User Manual* V1.3 and *GM60-S … User Manual* V1.1, chapter "Serial
port instruction". A command is 7E 00, then type (07 read, 08 write, 09 save to flash), count, address (2 bytes), data,
and the CRC-CCITT (polynomial 0x1021, begun with 0) of all after 7E 00. The answer is 02 00, 00 (done), count,
data, CRC.
Speed (address 002A, two bytes, low one first) is 3,000,000 divided by the baud rate: 0x0034 for 57,600.
Written is only what differs, and saved only then: the module's flash does not wear out by our looking at it.
"""

from companion.door.exchange import RATE, RATES, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.door.exchange import Port

PAUSE_MS = 0  # lines end with CR
_READ = 7
_WRITE = 8
_SAVE = 9
_SPEED = 0x002A
_SPEED_57600 = b"\x34\x00"
_TRIES = 3
# address, which bits of the byte are meant, what they shall be
_WANTED = (
    (0x0003, 0x03, 0x02),  # set-up codes are neither obeyed (bit 1) nor sent on as text (bit 0): before all else
    (0x000D, 0x03, 0x00),  # answers go to the serial line
    (0x0060, 0xEF, 0x01),  # the code alone and a tail (bit 0), which is CR (bits 6, 5); no prefix, suffix, kind, frame
    (0x00B0, 0x03, 0x00),  # the whole code
    (0x0000, 0x03, 0x03),  # reads by itself when something comes before it
)


async def setup(port: "Port") -> int | None:
    """See that the module is as we want it; how many settings had to be changed, None if it does not answer."""
    rate = await _find(port)
    if rate is None:
        return None
    changed = 0
    for address, bits, value in _WANTED:
        held = await _read(port, address)
        if held is None:
            return None
        if held & bits != value:
            if not await _write(port, address, bytes([held & ~bits & 255 | value])):
                return None
            changed += 1
    if rate != RATE:
        if not await _speed_up(port):
            return None
        changed += 1
    if changed:
        await _command(port, _SAVE, 0, b"\0", 1)
    return changed


async def _find(port: "Port") -> int | None:
    """The speed at which the module answers, which the port has then."""
    for _ in range(_TRIES):
        for rate in RATES:
            port.baud(rate)
            if await _read(port, 0) is not None:
                return rate
    port.baud(RATE)  # one that takes no commands may still send codes
    return None


async def _speed_up(port: "Port") -> bool:
    """To our speed. The module may answer at the old one or the new one: what counts is that it hears us after."""
    await _command(port, _WRITE, _SPEED, _SPEED_57600, 1)
    port.baud(RATE)
    for _ in range(_TRIES):
        if await _read(port, 0) is not None:
            return True
    return False


async def _read(port: "Port", address: int) -> int | None:
    """One byte of the module's settings, None if it does not answer."""
    answer = await _command(port, _READ, address, b"\1", 1)
    return None if answer is None else answer[4]


async def _write(port: "Port", address: int, data: bytes) -> bool:
    return await _command(port, _WRITE, address, data, 1) is not None


async def _command(port: "Port", kind: int, address: int, data: bytes, count: int) -> bytes | None:
    """Send it; the answer, which carries `count` bytes, if its CRC is right."""
    body = bytes([kind, len(data), address >> 8, address & 255]) + data
    answer = await ask(port, b"\x7e\x00" + body + _crc(body), b"\x02\x00\x00", 6 + count)
    if answer is None or _crc(answer[2:-2]) != answer[-2:]:
        return None
    return answer


def _crc(body: bytes) -> bytes:
    """CRC-CCITT, begun with 0, high byte first."""
    crc = 0
    for byte in body:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return bytes([crc >> 8, crc & 255])
