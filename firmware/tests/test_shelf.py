"""Comb tables on flash: they outlive a restart, damage is noticed, a key that came by policy has its own in time."""

import os

import check
import flash_ram
import signing

from companion.core import ed25519, ed25519_curve, ed25519_plain
from companion.core.ed25519_tables import Tables
from companion.core.policy import Trust
from companion.store.shelf import Shelf, Stock

_KEYS = (0, 4, 8, 9)


class Sealed:
    """A signature of each test key."""

    def __init__(self):
        self.made = {}

    def __call__(self, n):
        if n not in self.made:
            self.made[n] = signing.sign(n, b"sealed")
        return self.made[n]


sealed = Sealed()


def _opens(verifier, n):
    return verifier.verify(b"sealed", sealed(n)) and not verifier.verify(b"sealeD", sealed(n))


def _folder():
    return flash_ram.fresh() + "/tables"


def _files(folder):
    return sorted(os.listdir(folder))


def _bytes(path):
    with open(path, "rb") as file:
        return file.read()


def _make(shelf, n):
    for _ in ed25519.make_table(signing.public(n), shelf):
        pass


class Trusting:
    """As much of the beliefs as a Stock looks at."""

    def __init__(self, *slots):
        self.trust = [Trust(n, signing.public(n), (0,)) for n in slots]


class Asked(Shelf):
    """A shelf that tells how its tables were come by."""

    def __init__(self, folder):
        super().__init__(folder)
        self.loaded = self.kept = 0

    def load(self, engine, public_key, table):
        found = super().load(engine, public_key, table)
        self.loaded += found
        return found

    def keep(self, engine, public_key, pieces):
        self.kept += 1
        return super().keep(engine, public_key, pieces)


def test_a_table_outlives_a_restart():
    folder = _folder()
    _make(Shelf(folder), 0)
    again = Asked(folder)
    verifier = ed25519.Verifier(signing.public(0), again)
    ed25519.Verifier(signing.public(4)).verify(b"", bytes(64))
    assert _opens(verifier, 0)
    assert (again.loaded, again.kept) == (1, 0)


def test_every_byte_of_a_table_counts():
    folder = _folder()
    shelf = Asked(folder)
    _make(shelf, 0)
    path = folder + "/" + _files(folder)[0]
    whole = _bytes(path)
    other = ed25519.Verifier(signing.public(4))
    for place in (0, 4, 5, 36, 37, len(whole) // 2, len(whole) - 33, len(whole) - 32, len(whole) - 1, None):
        bad = bytearray(whole)
        if place is None:
            bad = bad[:-1]
        else:
            bad[place] ^= 16
        with open(path, "wb") as file:
            file.write(bad)
        other.verify(b"", bytes(64))  # takes the buffer
        loaded, kept = shelf.loaded, shelf.kept
        assert _opens(ed25519.Verifier(signing.public(0), shelf), 0), place
        assert (shelf.loaded, shelf.kept) == (loaded, kept + 1), place
        assert _bytes(path) == whole, place


def test_a_table_under_another_keys_name_is_not_taken():
    folder = _folder()
    shelf = Asked(folder)
    for n in (0, 4):
        _make(shelf, n)
    one, two = [folder + "/" + name for name in _files(folder)]
    content = _bytes(one)
    with open(two, "wb") as file:
        file.write(content)
    for n in (0, 4, 0, 4):
        assert _opens(ed25519.Verifier(signing.public(n), shelf), n)


def test_a_flash_that_fills_up_at_any_moment_keeps_no_table_and_opens_all_the_same():
    root = flash_ram.fresh(20)
    room = 0
    kept = set()
    while room < 4:
        shelf = Shelf(root + "/tables")
        fillers = [name for name in os.listdir(root) if name.startswith("filler")]
        if fillers:
            os.remove(root + "/" + fillers[0])
            room += 1
        else:
            try:
                for n in range(40):
                    with open(root + "/filler%d" % n, "wb") as file:
                        file.write(bytes(4000))
                check.skip("this file system is never full")
            except OSError:
                pass
        ed25519.Verifier(signing.public(4)).verify(b"", bytes(64))
        assert _opens(ed25519.Verifier(signing.public(0), shelf), 0)
        kept.add(shelf.has(ed25519.engine(), signing.public(0)))
        shelf.trim(ed25519.engine(), [])
    assert kept == {False, True}


def test_where_there_is_no_room_for_a_folder_there_are_no_tables():
    shelf = Asked(flash_ram.fresh() + "/not/there")
    ed25519.Verifier(signing.public(4)).verify(b"", bytes(64))
    assert _opens(ed25519.Verifier(signing.public(0), shelf), 0)
    assert not shelf.has(ed25519.engine(), signing.public(0))
    stock = Stock(shelf, Trusting(0, 4))
    turns = 0
    while stock.tick():
        turns += 1
        assert turns < 100


class Cramped(Shelf):
    """A shelf whose board never has the memory for a table."""

    def keep(self, engine, public_key, pieces):
        self.tried = getattr(self, "tried", 0) + 1
        raise MemoryError


def test_without_memory_for_a_table_it_is_tried_ever_more_rarely():
    shelf = Cramped(_folder())
    stock = Stock(shelf, Trusting(0))
    tried = []
    for _ in range(2_000):
        assert stock.tick()
        tried.append(shelf.tried if hasattr(shelf, "tried") else 0)
    gaps = [n for n in range(1, len(tried)) if tried[n] != tried[n - 1]]
    assert 2 <= len(gaps) <= 4, gaps
    assert all([gaps[n] - gaps[n - 1] >= 240 for n in range(1, len(gaps))])


def test_a_key_wanted_while_its_table_is_being_made_is_used_at_once():
    folder = _folder()
    shelf = Shelf(folder)
    slices = ed25519.make_table(signing.public(0), shelf)
    for _ in range(8):
        next(slices)
    verifier = ed25519.Verifier(signing.public(0), shelf)
    ed25519.Verifier(signing.public(4)).verify(b"", bytes(64))
    assert _opens(verifier, 0)
    for _ in slices:
        assert _opens(verifier, 0)
    again = Asked(folder)
    ed25519.Verifier(signing.public(4)).verify(b"", bytes(64))
    assert _opens(ed25519.Verifier(signing.public(0), again), 0)
    assert (again.loaded, again.kept) == (1, 0)


def test_what_a_power_cut_left_half_written_goes_at_the_next_boot():
    folder = _folder()
    slices = ed25519.make_table(signing.public(0), Shelf(folder))
    for _ in range(8):
        next(slices)
    slices.close()
    shelf = Shelf(folder)
    assert _files(folder) == []
    assert not shelf.has(ed25519.engine(), signing.public(0))


def test_every_trusted_key_gets_its_table_and_no_other_keeps_one():
    folder = _folder()
    shelf = Asked(folder)
    beliefs = Trusting(*_KEYS[:3])
    stock = Stock(shelf, beliefs)
    turns = 0
    while stock.tick():
        turns += 1
    assert turns > 3 * 8 and shelf.kept == 3
    assert all([shelf.has(ed25519.engine(), signing.public(n)) for n in _KEYS[:3]])
    beliefs.trust = Trusting(4, 9).trust  # a policy came: 9 is new, 0 and 8 are gone
    while stock.tick():
        pass
    assert [shelf.has(ed25519.engine(), signing.public(n)) for n in _KEYS] == [False, True, False, True]
    assert shelf.kept == 4
    assert not stock.tick()
    for n in (4, 9):
        ed25519.Verifier(signing.public(0)).verify(b"", bytes(64))
        loaded = shelf.loaded
        assert _opens(ed25519.Verifier(signing.public(n), shelf), n) and shelf.loaded == loaded + 1


def test_a_policy_that_comes_while_tables_are_made_is_followed():
    folder = _folder()
    shelf = Shelf(folder)
    beliefs = Trusting(0, 4)
    stock = Stock(shelf, beliefs)
    for _ in range(5):
        stock.tick()
    beliefs.trust = Trusting(8).trust
    while stock.tick():
        pass
    assert shelf.has(ed25519.engine(), signing.public(8))
    beliefs.trust = Trusting(8).trust
    while stock.tick():
        pass
    assert len(_files(folder)) == 1


def test_a_key_that_is_none_is_passed_over():
    shelf = Shelf(_folder())
    beliefs = Trusting(0)
    beliefs.trust.append(Trust(5, bytes(32), (0,)))
    stock = Stock(shelf, beliefs)
    while stock.tick():
        pass
    assert shelf.has(ed25519.engine(), signing.public(0))
    assert not shelf.has(ed25519.engine(), bytes(32))


def test_the_base_points_table_is_kept_too():
    folder = _folder()
    shelf = Asked(folder)
    tables = Tables(ed25519_plain)  # the other engine brings it along
    tables.bring_base(shelf)
    before = bytes(tables.base)
    tables.base[:] = bytes(len(before))
    tables.bring_base(shelf)
    assert bytes(tables.base) == before and (shelf.loaded, shelf.kept) == (1, 1)
    shelf.trim("plain", [])
    assert shelf.has("plain", ed25519_curve.BASE_ENCODED)


if __name__ == "__main__":
    check.run(globals())
