"""M5Stack's second family of barcode modules: ATOMIC QRCode2, Unit QRCode, Module13.2 QRCode (engine M14).

Source: M5Stack, *Unit-QRCode UART command* and the M14 engine's protocol: 21 writes and 23 reads a setting, named by
two bytes; answers begin with 22 and 24 and the same two bytes, and a read one's value follows. Always 115,200 baud.
What ends a line is not ours to set: a line is over when nothing came for PAUSE_MS (151 characters take 13 ms). The
protocol names nothing that forbids set-up codes; our next look takes back what such a code did.
"""

from companion.door.exchange import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.door.exchange import Port

PAUSE_MS = 30
_RATE = 115_200
_TRIES = 3
_WANTED = (
    (b"\x51\x43", 0),  # the code as it is, in no frame
    (b"\x51\x48", 0),  # letters as they are
    (b"\x61\x41", 5),  # reads by itself when something comes before it
)


async def setup(port: "Port") -> int | None:
    """See that the module is as we want it; how many settings had to be changed, None if it does not answer."""
    port.baud(_RATE)
    changed = 0
    for name, value in _WANTED:
        held = await _read(port, name)
        if held is None:
            return None
        if held != value:
            if await ask(port, b"\x21" + name + bytes([value]), b"\x22" + name, 3) is None:
                return None
            changed += 1
    return changed


async def _read(port: "Port", name: bytes) -> int | None:
    for _ in range(_TRIES):
        answer = await ask(port, b"\x23" + name, b"\x24" + name, 4)
        if answer is not None:
            return answer[3]
    return None
