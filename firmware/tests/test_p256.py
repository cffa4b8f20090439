"""The public half of a P-256 key: against known points, and in steps that leave the door its time."""

import binascii

import check

from companion.core import p256


def point(secret):
    """The public point of a secret, and in how many steps it came."""
    for steps, found in enumerate(p256.public(secret.to_bytes(32, "big"))):
        if found:
            return binascii.hexlify(found).decode(), steps
    raise AssertionError("no point")


G = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
# multiples of the base point: NIST's "ECC Mathematical Routines" suite, and RFC 6979 A.2.5
KNOWN = {
    1: (G, "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
    2: (
        "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978",
        "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1",
    ),
    3: (
        "5ecbe4d1a6330a44c8f7ef951d4bf165e6c6b721efada985fb41661bc6e7fd6c",
        "8734640c4998ff7e374b06ce1a64a2ecd82ab036384fb83d9a79b127a27d5032",
    ),
    p256.N - 1: (G, "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a"),
    0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721: (
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    ),
}


def test_known_points():
    for secret, (x, y) in KNOWN.items():
        found, steps = point(secret)
        assert found == x + y, secret
        assert steps == 256


def test_only_1_to_n_less_1_are_secrets():
    for good in (1, p256.N - 1):
        assert p256.usable(good.to_bytes(32, "big"))
    for wrong in (0, p256.N, 2**256 - 1):
        assert not p256.usable(wrong.to_bytes(32, "big"))
    assert not p256.usable(b"\x01" * 31)


def test_the_files_form_is_sec_1():
    secret, public = bytes(range(32)), bytes(range(64))
    key = p256.der(secret, public)
    assert len(key) == 121
    assert (key[7:39], p256.point_of(key)) == (secret, public)


if __name__ == "__main__":
    check.run(globals())
