# runs on: micropython32
"""The native engine's arithmetic against big integers, at the edges of what its limbs may hold."""

import check

from companion.core import ed25519_curve as curve
from companion.core import ed25519_viper as engine
from companion.core import ed25519_words as words
from companion.core.ed25519_curve import L, P

_TIMES, _BOTH, _SUB, _CARRY = 1, 2, 3, 4
_A, _B, _C = engine._X, engine._S, engine._U  # elements far apart


def _write(place, limbs):
    for i, limb in enumerate(limbs):
        at = place + 4 * i
        engine._memory[at : at + 4] = (limb & 0xFFFFFFFF).to_bytes(4, "little")


def _read(place):
    limbs = []
    for i in range(20):
        limb = int.from_bytes(engine._memory[place + 4 * i : place + 4 * i + 4], "little")
        limbs.append(limb - (1 << 32) if limb >> 31 else limb)
    return limbs


def _worth(limbs):
    return sum([limb << 13 * i for i, limb in enumerate(limbs)])


_state = [12345]


def _random():
    """31 bits of a linear congruential generator: the same at every run."""
    _state[0] = _state[0] * 6364136223846793005 + 1442695040888963407 & 0xFFFFFFFFFFFFFFFF
    return _state[0] >> 33


def _patterns(limit):
    """Limbs within +-limit: all at an end, alternating, and random."""
    yield [limit] * 20
    yield [-limit] * 20
    yield [limit, -limit] * 10
    yield [limit] * 10 + [-limit] * 10
    yield [-limit] * 10 + [limit] * 10
    for _ in range(12):
        yield [_random() % (2 * limit + 1) - limit for _ in range(20)]


def _is_carried(limbs):
    return all([-4096 <= limb <= 4100 for limb in limbs])


def test_products_at_the_bounds_that_the_machine_states():
    for m, n in ((1, 1), (1, 6), (6, 1), (2, 3), (3, 2), (2, 2)):
        for a in _patterns(4096 * m):
            for b in _patterns(4096 * n):
                _write(_A, a)
                _write(_B, b)
                engine._do(_TIMES, _C, _A, _B)
                found = _read(_C)
                assert (_worth(found) - _worth(a) * _worth(b)) % P == 0, (a, b)
                assert _is_carried(found), found


def test_sums_differences_and_carries():
    for a in _patterns(12288):
        for b in _patterns(8192):
            _write(_A, a)
            _write(_B, b)
            engine._do(_BOTH, _C, _A, _B)
            assert _read(_C) == [x + y for x, y in zip(a, b)]
            assert _read(_C + 80) == [x - y for x, y in zip(a, b)]
            engine._do(_SUB, _C, _A, _B)
            assert _read(_C) == [x - y for x, y in zip(a, b)]
        engine._do(_CARRY, _C, _A)
        assert (_worth(_read(_C)) - _worth(a)) % P == 0
        assert _is_carried(_read(_C))


def _numbers():
    for near in (0, P, P // 2, 1 << 254, 1 << 13, 1 << 247):
        for more in range(-20, 21):
            yield (near + more) % P
    for _ in range(30):
        number = 0
        for _ in range(9):
            number = number << 31 | _random()
        yield number % P


def test_numbers_come_back_fully_reduced():
    for number in _numbers():
        engine._put(_A, number)
        assert engine._get(engine._view(_A)) == number
    for limbs in _patterns(4096):
        _write(_A, limbs)
        assert engine._get(engine._view(_A)) == _worth(limbs) % P
    for number in (0, 1, 18, 19):  # the same number as number + P and number - P, in limbs
        for turn in (P, -P):
            _write(_A, [number + (-19 if turn > 0 else 19)] + [0] * 18 + [256 if turn > 0 else -256])
            assert engine._get(engine._view(_A)) == number


def test_inverses():
    for number in _numbers():
        if number:
            engine._put(_A, number)
            engine._invert(_A)
            assert engine._get(engine._view(engine._I)) * number % P == 1, number


def test_a_digest_is_reduced_modulo_l():
    wide = [b"\xff" * 64, bytes(64), b"\x00" * 32 + b"\xff" * 32, b"\xff" * 32 + bytes(32), b"\x80" + bytes(63)]
    wide += [
        (L * multiple + more).to_bytes(64, "little") for multiple in (1, 16, 1 << 200, 1 << 259) for more in (0, 1)
    ]
    wide += [(1 << bit).to_bytes(64, "little") for bit in range(0, 512, 3)]
    wide += [((1 << bit) - 1).to_bytes(64, "little") for bit in range(1, 512, 5)]
    wide += [bytes([_random() & 255 for _ in range(64)]) for _ in range(100)]
    for digest in wide:
        place = bytearray(digest)
        words.reduce(place, engine._low_order)
        number = int.from_bytes(place[:32], "little")
        assert number < 1 << 254, digest
        assert (number - int.from_bytes(digest, "little")) % L == 0, digest


def test_columns_stand_for_their_scalar():
    columns = bytearray(32)
    for scalar in (0, 1, 2, L - 1, L, L + 1, (1 << 254) - 1, 1 << 253, 0x5555 << 200, 0xAAAA << 190):
        engine.take(columns, b"--" + scalar.to_bytes(32, "little"), 2)
        total = 0
        for c, column in enumerate(columns):
            signs = column | 128 if column < 128 else column ^ 255  # turned round: all eight the other way
            for j in range(8):
                total += (1 if signs >> j & 1 else -1) << 32 * j + c
        assert (total - scalar) % L == 0 and total & 1, scalar


def test_both_engines_make_the_same_points():
    from companion.core import ed25519_plain as plain

    ours = (bytearray(engine.HALF), bytearray(engine.HALF))
    theirs = (bytearray(plain.HALF), bytearray(plain.HALF))
    engine.build(curve.BASE, ours)
    plain.build(curve.BASE, theirs)
    for index in range(128):
        words.load(engine._in_p, ours[0], ours[1], index)
        for place, number in zip((engine._P, engine._M, engine._K), plain._get(theirs, index)):
            assert (2 * _worth(_read(place)) - number) % P == 0, index


assert engine.start()

if __name__ == "__main__":
    check.run(globals())
