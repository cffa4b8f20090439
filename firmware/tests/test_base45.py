"""Base45 decoding: the examples of RFC 9285, all pairs and triplets that it forbids, random bytes there and back."""

import check

from companion.core.base45 import decode

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def _encode(data):
    """Base45 the slow way, only for these tests."""
    text = ""
    for i in range(0, len(data), 2):
        pair = data[i : i + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            text += _ALPHABET[number % 45]
            number //= 45
    return text


def test_examples_of_the_rfc():
    for text, data in (
        ("BB8", b"AB"),
        ("%69 VD92EX0", b"Hello!!"),
        ("UJCLQE7W581", b"base-45"),
        ("QED8WEX0", b"ietf!"),
        ("FGW", b"\xff\xff"),
        ("", b""),
    ):
        assert decode(text) == data, text
        assert decode(text.encode()) == data, text
        assert decode(memoryview(text.encode())) == data, text


def test_what_the_rfc_forbids_is_a_value_error():
    for text in ("GGW", ":::", "A", "BB8A", "bb8", "BB!", "B\x008", "BB8\n", "Ä00", "全00", "V5", "::", "0000", "=00"):
        check.raises(ValueError, decode, text)
        check.raises(ValueError, decode, text.encode())


def test_every_final_pair():
    for low in range(45):
        for high in range(45):
            text = _ALPHABET[low] + _ALPHABET[high]
            if low + 45 * high < 256:
                assert decode(text) == bytes([low + 45 * high])
            else:
                check.raises(ValueError, decode, text)


def test_the_boundary_of_every_triplet():
    for number in range(65400, 65700):
        text = _ALPHABET[number % 45] + _ALPHABET[number // 45 % 45] + _ALPHABET[number // 2025]
        if number < 65536:
            assert decode(text) == number.to_bytes(2, "big")
        else:
            check.raises(ValueError, decode, text)


def test_every_character_outside_the_alphabet():
    for code in range(256):
        if code < 128 and chr(code) in _ALPHABET:
            continue
        for place in range(3):
            text = bytearray(b"000")
            text[place] = code
            check.raises(ValueError, decode, bytes(text))


def test_bytes_come_back():
    state = 1
    for size in range(110):
        data = bytearray()
        for _ in range(size):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            data.append(state >> 16 & 255)
        assert decode(_encode(data)) == bytes(data), size


if __name__ == "__main__":
    check.run(globals())
