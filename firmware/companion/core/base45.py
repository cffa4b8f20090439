"""Base45 (RFC 9285): three characters of QR's alphanumeric set carry two bytes."""

# Value of each character from " " (32) to "Z" (90), and 255 where RFC 9285, table 1 has no such character.
_VALUES = (
    b"\x24\xff\xff\xff\x25\x26\xff\xff\xff\xff\x27\x28\xff\x29\x2a\x2b"  # space to /
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x2c\xff\xff\xff\xff\xff"  # 0 to ?
    b"\xff\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"  # @ to O
    b"\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23"  # P to Z
)


def _value(character: int) -> int:
    """0..44 for one character code; ValueError for one that Base45 does not have."""
    value = _VALUES[character - 32] if 32 <= character <= 90 else 255
    if value == 255:
        raise ValueError("not a Base45 character")
    return value


def decode(text: str | bytes) -> bytes:
    """The bytes that `text` stands for.

    Raises ValueError on everything RFC 9285 forbids: a character outside the alphabet (lower case too), a lone
    last character, three characters above 65535, two last characters above 255.
    """
    codes = text.encode() if isinstance(text, str) else text
    size = len(codes)
    whole, rest = divmod(size, 3)
    if rest == 1:
        raise ValueError("a lone last character")
    out = bytearray(2 * whole + rest // 2)
    at = 0
    for i in range(0, 3 * whole, 3):
        number = _value(codes[i]) + 45 * _value(codes[i + 1]) + 2025 * _value(codes[i + 2])
        if number > 65535:
            raise ValueError("three characters above 65535")
        out[at] = number >> 8
        out[at + 1] = number & 255
        at += 2
    if rest:
        number = _value(codes[size - 2]) + 45 * _value(codes[size - 1])
        if number > 255:
            raise ValueError("two last characters above 255")
        out[at] = number
    return bytes(out)
