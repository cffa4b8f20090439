"""Ed25519 by the rule of protocol section 2: known answers, Wycheproof, and the edge cases where libraries differ.

Every vector goes through verify() and, for a good key, through both engines.
"""

import json

import check

from companion.core import ed25519, ed25519_plain
from companion.core import ed25519_curve as curve
from companion.core.ed25519 import Verifier, verify
from companion.core.ed25519_tables import Tables
from companion.core.sha512 import sha512

_L = curve.L
_P = curve.P

# RFC 8032, section 7.1: public key, message, signature.
_RFC8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
)

# The eight points of small order, and encodings of them that are not canonical.
_SMALL = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)
_SMALL_ODDLY = (
    "0100000000000000000000000000000000000000000000000000000000000080",  # x = 0 with its sign set
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # y = P
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # y = P + 1
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
)


class _Other:
    """A Verifier on the engine that was not chosen."""

    tables = None

    def __init__(self, public_key):
        if _Other.tables is None:
            _Other.tables = Tables(ed25519_plain)
            _Other.tables.bring_base(None)
        self._key = public_key

    def verify(self, message, signature):
        if len(signature) != 64:
            return False
        tables = _Other.tables
        return ed25519_plain.holds(tables.base, tables.of(self._key, None), self._key, message, signature)


_kept = {}


def _all_ways(public_key, message, signature):
    """The verdict, after asserting that verify() and every engine agree."""
    verdict = verify(public_key, message, signature)
    if public_key not in _kept:
        _kept.clear()
        _kept[public_key] = _of_engines(public_key)
    for verifier in _kept[public_key]:
        assert verifier.verify(message, signature) is verdict, (public_key, message, signature)
    return verdict


def _of_engines(public_key):
    """A Verifier of each engine, none for a key that no Verifier takes."""
    try:
        chosen = Verifier(public_key)
    except ValueError:
        return ()
    return (chosen,) if ed25519.engine() == "plain" else (chosen, _Other(public_key))


def _of(vector):
    return tuple([bytes.fromhex(text) for text in vector])


def _multiple(s, point=curve.BASE):
    """[s] point, encoded: the difference [0]B - [-s mod L]A for a point of order L."""
    return curve.difference(0, -s % _L, point)


def _sum(p, q):
    """The affine sum of two affine points, by the textbook's formula."""
    product = curve.D * p[0] * q[0] * p[1] * q[1] % _P
    x = (p[0] * q[1] + p[1] * q[0]) * curve.inverse(1 + product)
    y = (p[1] * q[1] + p[0] * q[0]) * curve.inverse(1 - product)
    return (x % _P, y % _P)


def _encoded(point):
    return curve.encode(curve.extended(point))


def _challenge(r, public_key, message):
    return int.from_bytes(sha512(r + public_key + message), "little") % _L


def _signed(secret, nonce, public_key, message):
    """A signature made with a secret scalar; public_key and the nonce's point may have parts that do not belong."""
    r = _multiple(nonce)
    s = (nonce + _challenge(r, public_key, message) * secret) % _L
    return r + s.to_bytes(32, "little")


def test_known_answers_of_the_rfc():
    for vector in _RFC8032:
        assert _all_ways(*_of(vector))


def test_any_single_bit_changed_is_refused():
    key, message, signature = _of(_RFC8032[2])
    verifiers = _of_engines(key)
    for bit in range(0, 512, 5):
        bad = bytearray(signature)
        bad[bit >> 3] ^= 1 << (bit & 7)
        for verifier in verifiers:
            assert not verifier.verify(message, bytes(bad)), bit
    assert not _all_ways(key, message + b"\x00", signature)
    assert not _all_ways(key, b"", signature)


def test_a_signature_has_64_bytes():
    key, message, signature = _of(_RFC8032[2])
    for wrong in (b"", signature[:-1], signature + b"\x00", signature[:32], signature * 2):
        assert not _all_ways(key, message, wrong)


def test_any_buffer_will_do():
    key, message, signature = _of(_RFC8032[3])
    for kind in (bytes, bytearray, memoryview):
        assert Verifier(key).verify(kind(message), kind(signature))
        assert verify(kind(key), kind(message), kind(signature))
    assert Verifier(bytearray(key)).verify(memoryview(b"xx" + message)[2:], memoryview(b"yyy" + signature)[3:])


def test_s_is_below_l():
    key, message, signature = _of(_RFC8032[1])
    s = int.from_bytes(signature[32:], "little")
    for wrong in (s + _L, s + 2 * _L, _L, _L + 1, (1 << 256) - 1, 1 << 255, (1 << 253) - 1):
        assert not _all_ways(key, message, signature[:32] + (wrong % (1 << 256)).to_bytes(32, "little")), wrong


def test_the_comb_is_right_for_every_scalar_at_an_edge():
    """S = 0 and the like cannot be signed for (k depends on R), so the combs are asked directly."""
    point = curve.decode(_multiple(4711))
    scalars = (0, 1, 2, 3, 127, 128, 1 << 32, (1 << 252) - 1, 1 << 252, _L - 3, _L - 2, _L - 1, _L // 2, _L // 3)
    for make in _combs():
        comb = make(point)
        for n, s in enumerate(scalars):
            for k in (s, scalars[n - 1], scalars[n - 4]):
                assert comb(s, k) == curve.difference(s, k, point), (s, k)


def _combs():
    """For every engine, a function of a point that gives a function (s, k) -> encoded [s]B - [k]A."""

    def plain(point):
        tables = Tables(ed25519_plain)
        tables.bring_base(None)
        key = tables.of(_encoded(point), None)
        return lambda s, k: ed25519_plain.combine(tables.base, key, s, k)

    def viper(point):
        from companion.core import ed25519_viper as engine

        tables = Tables(engine)
        tables.bring_base(None)
        key = tables.of(_encoded(point), None)

        def comb(s, k):
            engine.take(engine.columns_of_b, s.to_bytes(32, "little"))
            engine.take(engine.columns_of_a, k.to_bytes(32, "little"))
            return bytes(engine.combine(tables.base, key))

        return comb

    return (plain, viper) if ed25519.engine() == "viper" else (plain,)


def test_r_of_small_order_is_refused():
    """For R neutral the equation itself holds: S = k a."""
    message = b"small R"
    for text in _SMALL + _SMALL_ODDLY:
        r = bytes.fromhex(text)
        s = _challenge(r, curve.BASE_ENCODED, message)
        assert not _all_ways(curve.BASE_ENCODED, message, r + s.to_bytes(32, "little")), text


def test_r_that_is_not_canonical_is_refused():
    key, message, signature = _of(_RFC8032[1])
    for more in range(19):
        for sign in (0, 1 << 255):
            r = (_P + more | sign).to_bytes(32, "little")
            assert not _all_ways(key, message, r + signature[32:])


def test_r_of_mixed_order_is_refused():
    """Right but for a small-order part of R: a verifier with cofactor would take it."""
    message = b"mixed R"
    for text in _SMALL[1:]:
        r = _encoded(_sum(curve.decode(_multiple(77)), curve.decode(bytes.fromhex(text))))
        s = (77 + _challenge(r, curve.BASE_ENCODED, message)) % _L
        assert not _all_ways(curve.BASE_ENCODED, message, r + s.to_bytes(32, "little")), text


def test_a_key_of_small_order_or_odd_encoding_is_refused():
    for text in _SMALL + _SMALL_ODDLY:
        key = bytes.fromhex(text)
        check.raises(ValueError, Verifier, key)
        for r in _SMALL:
            assert not verify(key, b"small", bytes.fromhex(r) + bytes(32))
        assert not verify(key, b"small", _multiple(9) + (9).to_bytes(32, "little"))


def test_a_key_that_is_no_point_is_refused():
    for key in (
        (2).to_bytes(32, "little"),  # 3 / (4 D + 1) is no square
        (_P + 3).to_bytes(32, "little"),
        (_P + 18 | 1 << 255).to_bytes(32, "little"),
        b"",
        curve.BASE_ENCODED[:31],
        curve.BASE_ENCODED + b"\x00",
        bytes(64),
    ):
        check.raises(ValueError, Verifier, key)
        assert not verify(key, b"", _multiple(9) + bytes(32))


def test_a_key_of_mixed_order_is_judged_without_cofactor():
    """verify(): the equation decides, by the exact k; Verifier: no such key may be trusted."""
    small = curve.decode(bytes.fromhex(_SMALL[4]))  # of order 8
    key = _encoded(_sum(curve.BASE, small))
    check.raises(ValueError, Verifier, key)
    taken = refused = 0
    for n in range(24):
        message = b"mixed A %d" % n
        signature = _signed(1, 1000 + n, key, message)
        fits = _challenge(signature[:32], key, message) % 8 == 0  # then [k] of the small part vanishes
        assert verify(key, message, signature) is fits
        taken += fits
        refused += not fits
    assert taken and refused


def test_mixed_order_of_every_small_part_is_no_key():
    for text in _SMALL[1:]:
        check.raises(ValueError, Verifier, _encoded(_sum(curve.BASE, curve.decode(bytes.fromhex(text)))))


def test_other_keys_in_turn_share_the_buffer():
    vectors = [_of(vector) for vector in _RFC8032]
    verifiers = [Verifier(vector[0]) for vector in vectors]
    for i in (0, 1, 0, 2, 3, 3, 1):
        assert verifiers[i].verify(*vectors[i][1:])
        assert not verifiers[i].verify(*vectors[i - 1][1:])


class _Shelf:
    """Tables kept in a dictionary, as store/shelf.py keeps them on flash."""

    def __init__(self):
        self.kept = {}
        self.loaded = 0

    def has(self, engine, public_key):
        return (engine, public_key) in self.kept

    def load(self, engine, public_key, table):
        if not self.has(engine, public_key):
            return False
        self.loaded += 1
        table[:] = self.kept[engine, public_key]
        return True

    def keep(self, engine, public_key, pieces):
        table = b""
        for at, piece in pieces:
            assert not piece or at == len(table)
            table += bytes(piece)
            yield at, piece
        self.kept[engine, public_key] = table


def test_a_table_is_made_once_and_then_comes_from_the_shelf():
    shelf = _Shelf()
    key, message, signature = _of(_RFC8032[1])
    other = _of(_RFC8032[2])
    verifier = Verifier(key, shelf)
    Verifier(other[0]).verify(*other[1:])
    for loaded in (0, 1, 2):
        assert verifier.verify(message, signature) and shelf.loaded == loaded
        assert not verifier.verify(message + b"x", signature) and shelf.loaded == loaded
        Verifier(other[0]).verify(*other[1:])  # takes the buffer
    assert len(shelf.kept) == 1
    shelf.kept[ed25519.engine(), key] = bytes(len(shelf.kept[ed25519.engine(), key]))
    assert not verifier.verify(message, signature)  # that it is whole is the shelf's to know, and it said so


def test_a_table_is_made_in_slices_between_which_others_are_verified():
    shelf = _Shelf()
    key, message, signature = _of(_RFC8032[1])
    other, text, good = _of(_RFC8032[2])
    verifier = Verifier(other)
    slices = 0
    for _ in ed25519.make_table(key, shelf):
        slices += 1
        assert verifier.verify(text, good)
    assert slices >= 8
    made = Verifier(key, shelf)
    assert made.verify(message, signature) and shelf.loaded == 1
    assert not made.verify(text, signature)
    assert list(ed25519.make_table(key, shelf)) == []


def test_no_table_is_made_of_a_bad_key():
    shelf = _Shelf()
    for key in (bytes.fromhex(_SMALL[4]), (2).to_bytes(32, "little"), (_P + 3).to_bytes(32, "little")):
        check.raises(ValueError, ed25519.make_table, key, shelf)
    mixed = _encoded(_sum(curve.BASE, curve.decode(bytes.fromhex(_SMALL[4]))))
    check.raises(ValueError, ed25519.make_table, mixed, shelf)
    assert shelf.kept == {}


def test_wycheproof():
    with open(check.shared("vectors/wycheproof/ed25519_test.json")) as file:
        suite = json.load(file)
    count = 0
    for group in suite["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            expected = case["result"] == "valid"
            found = _all_ways(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            assert found is expected, (case["tcId"], case["comment"])
            count += 1
    assert count == suite["numberOfTests"]


def test_random_signatures_and_random_junk():
    state = b"seed"
    key = _multiple(31337)
    for n in range(24):
        state = sha512(state)
        message = state[: n * 5 % 64]
        good = _signed(31337, int.from_bytes(state[:31], "little"), key, message)
        assert _all_ways(key, message, good)
        junk = sha512(state + b"junk")
        assert not _all_ways(key, message, junk)
        assert not _all_ways(key, message, good[:32] + junk[:31] + b"\x00")
        assert not _all_ways(key, message, junk[:32] + good[32:])


if __name__ == "__main__":
    check.run(globals())
