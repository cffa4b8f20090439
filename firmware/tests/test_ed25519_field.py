# runs on: micropython32
"""The native engine's arithmetic against big integers, at the edges of what its limbs may hold."""

import check

from companion.core import ed25519_curve as curve
from companion.core import ed25519_make as maker
from companion.core import ed25519_steps as steps
from companion.core import ed25519_viper as engine
from companion.core import ed25519_words as words
from companion.core.ed25519_curve import L, P

_TIMES, _BOTH, _SUB, _CARRY = 1, 2, 3, 4
_A, _B, _C = steps.X, steps.S, steps.U  # elements far apart


def _write(place, limbs):
    for i, limb in enumerate(limbs):
        at = place + 4 * i
        engine.memory[at : at + 4] = (limb & 0xFFFFFFFF).to_bytes(4, "little")


def _read(place):
    limbs = []
    for i in range(20):
        limb = int.from_bytes(engine.memory[place + 4 * i : place + 4 * i + 4], "little")
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
                engine.do(_TIMES, _C, _A, _B)
                found = _read(_C)
                assert (_worth(found) - _worth(a) * _worth(b)) % P == 0, (a, b)
                assert _is_carried(found), found


def test_no_product_of_the_formulas_passes_the_bound():
    """Each step of the comb's round, with every limb that comes from a table or a product at an end of its range."""
    edges = ([4096] * 20, [-4096] * 20, [4096, -4096] * 10, [-4096] * 10 + [4096] * 10)
    for turn in range(len(edges)):
        for n, place in enumerate((steps.X, steps.Y, steps.Z, steps.T)):
            _write(place, edges[(turn + n) % 4])
        for step in steps.steps()[3] + steps.steps()[4]:
            operation, result = step[:2]
            if operation == steps.LOAD:
                for n in range(3):
                    _write(result + 80 * n, edges[(turn + n) % 4])
                continue
            if operation == _TIMES:
                worst = [max([abs(limb) for limb in _read(place)]) for place in step[2:]]
                assert worst[0] * worst[1] <= 6 * 4100 * 4100, step
                a, b = [_worth(_read(place)) for place in step[2:]]
            engine.do(*step)
            if operation == _TIMES:
                assert (_worth(_read(result)) - a * b) % P == 0, step
                assert _is_carried(_read(result)), step


def test_the_inverse_stays_within_its_limbs():
    """words.invert step by step: |d| and |e| stay below 45 P, so the last limb below 45, and so does every sum."""
    for number in (1, 2, 19, P - 1, P - 2, P // 2, P // 3, 1 << 254, (1 << 255) - 20, 0x5555 << 239):
        f, g, d, e, delta = P, number, 0, 1, 0
        for _ in range(40):
            a, b, c, h = 1, 0, 0, 1
            low_f, low_g = f, g
            for _ in range(15):
                if low_g & 1:
                    if delta >= 0:
                        delta = -delta - 1
                        low_f, low_g = low_g, low_g - low_f
                        a, b, c, h = c, h, c - a, h - b
                    else:
                        low_g += low_f
                        c, h = c + a, h + b
                delta += 1
                low_g >>= 1
                a, b = 2 * a, 2 * b
            assert abs(a) + abs(b) <= 1 << 15 and abs(c) + abs(h) <= 1 << 15
            f, g = low_f, low_g
            d, e = a * d + b * e, c * d + h * e
            d = (d + (d * 18971 & 32767) * P) >> 15
            e = (e + (e * 18971 & 32767) * P) >> 15
            assert max(abs(d), abs(e)) < 45 * P
            if g == 0:
                break
        assert g == 0 and f in (1, -1)
        assert (d * f * number - 1) % P == 0
        maker.put(_A, number % P)
        engine.invert(engine.view(_A))
        assert maker.get(engine.view(steps.I)) == d * f % P


def test_sums_differences_and_carries():
    for a in _patterns(12288):
        for b in _patterns(8192):
            _write(_A, a)
            _write(_B, b)
            engine.do(_BOTH, _C, _A, _B)
            assert _read(_C) == [x + y for x, y in zip(a, b)]
            assert _read(_C + 80) == [x - y for x, y in zip(a, b)]
            engine.do(_SUB, _C, _A, _B)
            assert _read(_C) == [x - y for x, y in zip(a, b)]
        engine.do(_CARRY, _C, _A)
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
        maker.put(_A, number)
        assert maker.get(engine.view(_A)) == number
    for limbs in _patterns(4096):
        _write(_A, limbs)
        assert maker.get(engine.view(_A)) == _worth(limbs) % P
    for number in (0, 1, 18, 19):  # the same number as number + P and number - P, in limbs
        for turn in (P, -P):
            _write(_A, [number + (-19 if turn > 0 else 19)] + [0] * 18 + [256 if turn > 0 else -256])
            assert maker.get(engine.view(_A)) == number


def test_inverses():
    for number in _numbers():
        if number:
            maker.put(_A, number)
            engine.invert(engine.view(_A))
            assert maker.get(engine.view(steps.I)) * number % P == 1, number


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
        words.reduce(place, engine.low_order)
        number = int.from_bytes(place[:32], "little")
        assert number < 1 << 254, digest
        assert (number - int.from_bytes(digest, "little")) % L == 0, digest


def test_columns_stand_for_their_scalar():
    columns = bytearray(37)
    for scalar in (0, 1, 2, L - 1, L, L + 1, (1 << 254) - 1, 1 << 253, 0x5555 << 200, 0xAAAA << 190):
        engine.take(columns, b"--" + scalar.to_bytes(32, "little"), 2)
        total = 0
        for c, column in enumerate(columns):
            signs = column | 64 if column < 64 else column ^ 127  # turned round: all seven the other way
            for j in range(7):
                total += (1 if signs >> j & 1 else -1) << 37 * j + c
        assert (total - scalar) % L == 0 and total & 1, scalar


def test_an_entry_comes_out_of_a_table_as_it_went_in_or_turned_round():
    table = bytearray(engine.TABLE)
    limbs = [[_random() % 8193 - 4096 for _ in range(20)] for _ in range(3)]
    for index in (0, 1, 37, 63):
        for place, each in zip((steps.P, steps.M, steps.K), limbs):
            _write(place, each)
        words.store(table, maker._in_p, index)
        maker._take_entry(table, index)
        assert [_read(place) for place in (steps.P, steps.M, steps.K)] == limbs
        maker._take_entry(table, index | 64)
        plus, minus, product = limbs
        assert [_read(place) for place in (steps.P, steps.M, steps.K)] == [minus, plus, [-x for x in product]]


def test_both_engines_make_the_same_points():
    from companion.core import ed25519_plain as plain

    ours = bytearray(engine.TABLE)
    theirs = bytearray(plain.TABLE)
    for table, made in ((ours, maker.build(curve.BASE)), (theirs, plain.build(curve.BASE))):
        for at, piece in made:
            table[at : at + len(piece)] = piece
    for index in range(64):
        maker._take_entry(ours, index)
        for place, number in zip((steps.P, steps.M, steps.K), plain._get(theirs, index)):
            limbs = _read(place)
            assert _is_carried(limbs)
            assert (2 * _worth(limbs) - number) % P == 0, index


def test_limbs_of_another_size_are_the_same_number():
    wide = memoryview(bytearray(4 * 18))
    for limbs in _patterns(4100):
        _write(_A, limbs)
        words.regroup(wide, engine.view(_A), 13)
        found = [int.from_bytes(wide[4 * i : 4 * i + 4], "little") for i in range(18)]
        found[17] -= found[17] >> 31 << 32
        assert all([0 <= limb < 1 << 15 for limb in found[:17]]) and abs(found[17]) < 1 << 6
        assert sum([limb << 15 * i for i, limb in enumerate(found)]) == _worth(limbs)
        words.regroup(engine.view(_B), wide, 15)
        assert _worth(_read(_B)) == _worth(limbs)


assert engine.start()

if __name__ == "__main__":
    check.run(globals())
