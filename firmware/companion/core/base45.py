"""Base45 (RFC 9285): three characters of QR's alphanumeric set carry two bytes.

A scanned code is decoded before anything of it is believed, so this is most of what junk costs: native code where there
is any, the same in Python elsewhere.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Value of each character code, and 255 where RFC 9285, table 1 has no such character.
_VALUES = (
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\x24\xff\xff\xff\x25\x26\xff\xff\xff\xff\x27\x28\xff\x29\x2a\x2b"  # space to /
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x2c\xff\xff\xff\xff\xff"  # 0 to ?
    b"\xff\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"  # @ to O
    b"\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23"  # P to Z
    b"\xff\xff\xff\xff\xff"  # and all others
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
)


def _value(character: int) -> int:
    """0..44 for one character code; ValueError for one that Base45 does not have."""
    value = _VALUES[character]
    if value == 255:
        raise ValueError("not a Base45 character")
    return value


def _plain(out: bytearray, codes: bytes, values: bytes, bounds: int) -> int:
    """What base45_viper.decode does, in Python."""
    at = bounds >> 16
    for n in range(bounds & 65535):
        low, middle, high = codes[at], codes[at + 1], codes[at + 2]
        at += 3
        number = values[low] + 45 * values[middle] + 2025 * values[high]
        if (values[low] | values[middle] | values[high]) & 128 or number > 65535:
            return 0
        out[2 * n] = number >> 8
        out[2 * n + 1] = number & 255
    return 1


def _native() -> "Callable[[bytearray, bytes, bytes, int], int] | None":
    """The native function, or None where it cannot be loaded."""
    try:
        from companion.core import base45_viper as native
    except (ImportError, SyntaxError, NameError, ValueError, MemoryError):
        return None
    return native.decode  # type: ignore[return-value]  # viper takes any buffer for a pointer


_triplets = _native() or _plain


def decode(text: str | bytes, begin: int = 0) -> bytearray:
    """The bytes that `text` stands for from its character `begin` on (below 16,384, as is its length).

    Raises ValueError on everything RFC 9285 forbids: a character outside the alphabet (lower case too), a lone
    last character, three characters above 65535, two last characters above 255.
    """
    codes = text.encode() if isinstance(text, str) else text
    size = len(codes)
    whole = (size - begin) // 3
    rest = size - begin - 3 * whole
    if rest == 1:
        raise ValueError("a lone last character")
    out = bytearray(2 * whole + (rest >> 1))
    if not _triplets(out, codes, _VALUES, begin << 16 | whole):
        raise ValueError("not in the alphabet, or three characters above 65535")
    if rest:
        number = _value(codes[size - 2]) + 45 * _value(codes[size - 1])
        if number > 255:
            raise ValueError("two last characters above 255")
        out[2 * whole] = number
    return out
