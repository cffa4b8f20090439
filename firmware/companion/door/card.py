"""The number of the IC card that the lock's own reader read, where the lock tells it: by Wiegand or as text.

Wiegand: SIA AC-01-1996.10, *Access Control Standard Protocol for the 26-Bit Wiegand Reader Interface*: two lines, each
bit a pulse of 20 to 100 us on one of them, 200 us to 20 ms apart; first an even parity over the first half of the bits,
last an odd one over the second half. 34 bits are the same with 32 bits of data. Anything else is no number.
"""

_GAP_MS = 30  # longer than any pause between two bits
_SIZES = (26, 34)
_TEXT_MAX = 20
_DIGITS = b"0123456789ABCDEFabcdef"
_ENDS = b"\r\n\x03"


class Wiegand:
    """Takes bits as they come; gives the number of each whole card."""

    def __init__(self) -> None:
        self._bits = bytearray(_SIZES[-1] + 1)
        self._count = 0
        self._last_ms = 0

    def bit(self, value: int, now_ms: int) -> None:
        """A pulse on line 0 or 1. Allocates nothing: called between any two steps of the program."""
        if now_ms - self._last_ms > _GAP_MS:
            self._count = 0
        self._last_ms = now_ms
        if self._count < len(self._bits):
            self._bits[self._count] = value
            self._count += 1

    def poll(self, now_ms: int) -> str | None:
        """The data bits of a card that has just been read, in hex (6 or 8 digits); None if there is none."""
        if not self._count or now_ms - self._last_ms <= _GAP_MS:
            return None
        count, self._count = self._count, 0
        return _checked(self._bits, count)


def _checked(bits: bytearray, count: int) -> str | None:
    if count not in _SIZES:
        return None
    half = count // 2
    if sum(bits[:half]) % 2 or not sum(bits[half:count]) % 2:
        return None
    text = ""
    for at in range(1, count - 1, 4):
        text += "%X" % (bits[at] << 3 | bits[at + 1] << 2 | bits[at + 2] << 1 | bits[at + 3])
    return text


class Text:
    """Takes a serial line's bytes; gives each line that is a number: 4 to 20 digits, decimal or hex."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._bad = False

    def came(self, data: bytes) -> str | None:
        """Some bytes; the number of the last whole line in them, None if there is none."""
        found = None
        for byte in data:
            if byte in _ENDS:
                found = self._end() or found
            elif byte in _DIGITS and len(self._line) < _TEXT_MAX:
                self._line.append(byte)
            elif byte > 32:  # what begins a frame is passed over, anything else spoils the line
                self._bad = True
        return found

    def _end(self) -> str | None:
        line, self._line = bytes(self._line), bytearray()
        bad, self._bad = self._bad, False
        return line.decode().upper() if len(line) >= 4 and not bad else None
