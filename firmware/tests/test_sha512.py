"""SHA-512: known answers, the constants from their definition, and every engine against every other."""

import check

from companion.core import sha512 as chooser
from companion.core import sha512_plain
from companion.core.sha512 import sha512


def _hex(data):
    return "".join(["%02x" % byte for byte in data])


def _root(number, power):
    """The largest integer whose `power` is not above `number`."""
    low = 0
    high = 1 << 80
    while low < high:
        middle = (low + high + 1) >> 1
        if middle**power <= number:
            low = middle
        else:
            high = middle - 1
    return low


def _primes(count):
    found = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def test_constants_are_what_the_standard_defines():
    for power, primes, text in ((3, 80, sha512_plain.ROUND_CONSTANTS), (2, 8, sha512_plain.INITIAL_HASH)):
        for i, prime in enumerate(_primes(primes)):
            expected = _root(prime << 64 * power, power) & 0xFFFFFFFFFFFFFFFF
            assert text[8 * i : 8 * i + 8] == expected.to_bytes(8, "big"), prime


def test_known_answers():
    for data, start in (
        (b"", "cf83e1357eefb8bdf1542850d66d8007"),
        (b"abc", "ddaf35a193617abacc417349ae204131"),
        (b"a" * 1000, "67ba5535a46e3f86dbfbed8cbbaf0125"),
        (bytes(range(256)), "1e7b80bc8edc552c8feeb2780e111477"),
    ):
        assert _hex(sha512(data)).startswith(start), data[:8]


def test_every_length_around_a_block_agrees_with_big_integers():
    data = bytes([i * 7 & 255 for i in range(300)])
    for size in list(range(0, 20)) + list(range(105, 135)) + list(range(235, 262)):
        assert sha512(data[:size]) == sha512_plain.sha512(data[:size]), size


def test_any_buffer_will_do():
    data = b"xyz" * 60
    assert sha512(bytearray(data)) == sha512(memoryview(data)) == sha512(data)
    assert sha512(memoryview(data)[3:100]) == sha512(data[3:100])


def test_native_code_is_used_where_micropython_has_it():
    try:
        import micropython  # noqa: F401
    except ImportError:
        assert chooser._platform() is not None
    else:
        assert chooser._viper() is not None


if __name__ == "__main__":
    check.run(globals())
