"""Records in raw flash: the newest sound one counts, whatever a cut or a bad bit left of the others."""

# runs on: micropython32 cpython

import check
import flash_ram
import signing
from companion.core.clock import Clock
from companion.core.gate import Learns
from companion.core.names import EMERGENCY, GUEST, POLICY, REMOTE, RESET_KIND, STAFF
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.layout import Store
from companion.store.places import Cell, Log
from companion.store.raw import Area
from companion.store.slots import Slots

ISSUED = 1795453200
KEY = bytes(range(8))
P1 = signing.policy(1000)
P2 = signing.policy(2000, generation=50, issued_at=ISSUED + 100)


def part(blocks=2):
    return flash_ram.Ram(blocks)


def log(flash):
    return Log(Area(flash))


def filled(many, size=50):
    """Flash with a log of records: record n has age n + 1 and says n."""
    flash = part()
    kept = log(flash)
    for n in range(many):
        kept.put(n + 1, bytes([n % 251]) * size)
    return flash


def test_the_newest_record_is_read_after_every_write_and_boot():
    flash = part()
    kept = log(flash)
    assert kept.age == 0
    for n in range(300):
        kept.put(n + 1, bytes([n % 251]) * (20 + n % 90))
        again = log(flash)
        assert (again.age, again.read()) == (n + 1, kept.read()) == (n + 1, bytes([n % 251]) * (20 + n % 90))


def test_no_record_waits_for_an_erase_that_was_made_ahead():
    flash = part()
    kept = log(flash)
    kept.put(1, bytes(60))
    for n in range(2, 1000):
        while kept.tend():
            pass
        before = flash.erases
        kept.put(n, bytes(60))
        assert flash.erases == before
    assert flash.erases < 1000 * 75 // 4000 + 3


def test_a_record_cut_anywhere_leaves_the_one_before_and_a_log_that_goes_on():
    for many in (1, 3, 60, 61, 62, 63, 64, 65, 120):
        before = filled(many)
        after = before.copy()
        log(after).put(many + 1, b"new" * 17)
        changed = [n for n in (0, 1) if before.blocks[n] != after.blocks[n]]
        block = changed[0]
        if before.blocks[block][:4] != after.blocks[block][:4]:
            before.blocks[block][:] = b"LMR1" + b"\xff" * 4092
        places = [n for n in range(4096) if before.blocks[block][n] != after.blocks[block][n]]
        for cut in range(places[0], places[-1] + 1, 5):
            torn = before.copy()
            torn.blocks[block][places[0] : cut] = after.blocks[block][places[0] : cut]
            kept = log(torn)
            assert (kept.age, kept.read()) == (many, bytes([(many - 1) % 251]) * 50), (many, cut)
            kept.put(many + 1, b"again")
            assert log(torn).read() == b"again", (many, cut)


def test_a_bad_bit_in_a_log_costs_the_record_that_it_is_in():
    flash = filled(20)
    end = len(flash.blocks[0].rstrip(b"\xff"))
    for at in range(4, end, 11):
        spoilt = flash.copy()
        spoilt.blocks[0][at] ^= 4
        kept = log(spoilt)
        assert kept.age >= 18, at
        assert kept.read() == bytes([kept.age - 1]) * 50
        kept.put(21, b"more")
        assert log(spoilt).read() == b"more"


def test_a_record_behind_a_bad_one_is_found_wherever_it_begins():
    for size in range(450, 720):
        flash = part()
        kept = log(flash)
        kept.put(1, bytes(size))
        kept.put(2, b"newest")
        flash.blocks[0][30] ^= 4
        assert log(flash).read() == b"newest", size


def test_a_cell_keeps_the_former_record_until_the_new_one_is_whole():
    class Cut(Exception):
        pass

    old, new = b"o" * 5000, b"n" * 6000
    flash = part(4)
    Cell(Area(flash)).put(1, b"x" * 300)
    Cell(Area(flash)).put(2, old)
    n = 0
    while True:
        cut = flash.copy()
        left = [n]
        real = cut.writeblocks, cut.ioctl

        def write(block, buffer, offset=0, left=left, real=real):
            left[0] -= 1
            if left[0] < 0:
                real[0](block, buffer[: len(buffer) // 2], offset)
                raise Cut
            real[0](block, buffer, offset)

        cell = Cell(Area(cut))
        cut.writeblocks = write
        try:
            cell.put(3, new)
            break
        except Cut:
            assert Cell(Area(cut)).read() == old
            n += 1
    assert n > 20
    cut.writeblocks = real[0]
    assert (cell.read(), Cell(Area(cut)).read(), Cell(Area(cut)).age) == (new, new, 3)
    assert Cell(Area(cut)).holds(new) and not cell.holds(new[:-1] + b"x")
    cell.erase()
    assert not cell.holds(new) and Cell(Area(cut)).age == 0


def test_flash_full_of_anything_holds_no_record():
    for filling in (0, 0x5A, 0xFF):
        flash = part(4)
        for block in flash.blocks:
            block[:] = bytes([filling]) * 4096
        for mark in (b"", b"LMR1", b"LMR1LMS1" + b"\xff" * 6, b"LMR1LMS1\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00"):
            flash.blocks[0][: len(mark)] = mark
            for place in (log, lambda made: Cell(Area(made))):
                made = flash.copy()
                assert place(made).age == 0
                place(made).put(1, b"first")
                assert place(made).read() == b"first"


def test_a_log_whose_block_goes_bad_goes_on_in_the_next_one():
    flash = part()
    kept = log(flash)
    kept.put(1, b"one")
    write = flash.writeblocks
    flash.writeblocks = lambda block, buffer, offset=0: write(block, buffer if block else bytes(len(buffer)), offset)
    kept.put(2, b"two")
    assert kept.read() == b"two" == log(flash).read()


def test_a_block_that_can_not_be_erased_ahead_stops_nothing():
    flash = part()
    kept = log(flash)
    tries = []

    def erase(operation, argument):
        if operation == 4:
            return 2
        tries.append(argument)
        raise OSError(5)

    while kept._end < 3_000:
        kept.put(kept.age + 1, bytes(200))
    flash.ioctl = erase
    slots = Slots(log(flash), log(part()))
    while slots.settle():
        pass
    tries.clear()
    assert not slots.settle() and not tries  # not again and again
    for n in range(40):
        slots.write(b"%d" % n * 100)
        while slots.settle():
            pass
        assert slots.read() == b"%d" % n * 100


def test_if_one_place_fails_the_other_one_takes_the_record():
    slots = Slots(log(part()), log(part()))
    slots.write(b"one")
    slots.settle()
    first, second = slots._places

    def fail(age, body):
        raise OSError(5)

    first.put = fail
    slots.write(b"two")
    assert slots.read() == b"two" == second.read()
    while slots.settle():  # tries once, and leaves it
        pass
    slots.write(b"three")
    assert slots.read() == b"three"


# beliefs, each of whose homes may go


class Door:
    """Beliefs on a file system and raw flash that both outlive a boot."""

    def __init__(self):
        self.root = flash_ram.fresh()
        self.flash = part(flash_ram.STORE)
        beliefs = self.load(P1)
        beliefs.accept(P2, Clock(beliefs.floor), 0)
        beliefs.learn(Learns(ISSUED + 160, 51, KEY, ISSUED + 500))
        while beliefs.settle():
            pass

    def load(self, provisioned=None):
        return Beliefs.load(self.root + "/beliefs", Config(signing.config()), provisioned, None, Store(self.flash))

    def spoil(self, first, count):
        """Turn a bit in every sixteenth byte of these blocks."""
        for block in self.flash.blocks[first : first + count]:
            for at in range(4, 4096, 16):
                block[at] ^= 1


def trusts(beliefs):
    return [bool(beliefs.verifier(slot, kind)) for slot, kind in ((0, GUEST), (0, REMOTE), (0, RESET_KIND), (4, STAFF))]


def facts(beliefs):
    return beliefs.version, beliefs.generation, beliefs.floor, beliefs.was_used(KEY), trusts(beliefs)


ALL = (2000, 51, ISSUED + 160, True, [True] * 4)


def test_any_one_home_of_the_beliefs_may_go():
    def file(name):
        return lambda door: flash_ram.put(door.root + "/beliefs/" + name, b"nonsense")

    for harm in (
        lambda door: door.spoil(0, 2),
        lambda door: door.spoil(2, 2),
        lambda door: door.spoil(4, 2),
        lambda door: door.spoil(6, 4),
        file("policy"),
        file("trust"),
    ):
        door = Door()
        assert facts(door.load()) == ALL
        harm(door)
        seen = door.load()
        assert facts(seen) == ALL and not seen.lost
        healed = door.load()
        assert facts(healed) == ALL and healed.damaged == 0


def test_when_all_of_the_files_go_nothing_is_lost():
    door = Door()
    for name in ("policy", "trust"):
        flash_ram.put(door.root + "/beliefs/" + name, b"")
    assert facts(door.load()) == ALL


def test_when_all_of_the_raw_flash_goes_guests_wait_for_the_cloud():
    door = Door()
    door.spoil(0, 10)
    seen = door.load()
    assert seen.lost and seen.version == 2000 and trusts(seen) == [False, False, False, True]
    assert trusts(door.load()) == [False, False, False, True]
    seen = door.load()
    seen.policy_named(2000)
    assert trusts(door.load()) == [True] * 4


def test_without_any_home_only_the_provisioned_keys_are_left():
    door = Door()
    door.spoil(0, 10)
    for name in ("policy", "trust"):
        flash_ram.put(door.root + "/beliefs/" + name, b"")
    seen = door.load()
    assert seen.lost and trusts(seen) == [False] * 4
    assert seen.verifier(4, EMERGENCY) and seen.verifier(8, POLICY)


def test_an_older_policy_that_comes_to_light_is_not_believed_for_guests():
    door = Door()
    old = door.flash.copy()
    beliefs = door.load()
    beliefs.accept(signing.policy(3000, generation=60, issued_at=ISSUED + 200), Clock(beliefs.floor), 0)
    flash_ram.put(door.root + "/beliefs/policy", b"")
    for n in range(6, 10):
        assert door.flash.blocks[n] == old.blocks[n]  # the cell is brought up to date only when there is time
    seen = door.load()
    assert seen.lost and seen.version == 2000 and trusts(seen) == [False, False, False, True]


def test_a_boot_goes_on_with_blocks_that_can_not_be_erased():
    door = Door()
    beliefs = door.load()
    for _ in range(40):
        beliefs.save_floor(beliefs.floor + 1)
    real = door.flash.ioctl

    def ioctl(operation, argument):
        if operation == 6:
            raise OSError(5)
        return real(operation, argument)

    door.flash.ioctl = ioctl
    assert facts(door.load()) == (2000, 51, beliefs.floor, True, [True] * 4)


def test_nothing_is_believed_learned_before_it_is_on_flash():
    door = Door()
    beliefs = door.load()
    write = door.flash.writeblocks

    def fail(block, buffer, offset=0):
        raise OSError(5)

    door.flash.writeblocks = fail
    learned = Learns(beliefs.floor, 60, None, 0)
    check.raises(OSError, beliefs.learn, learned)
    check.raises(OSError, beliefs.learn, Learns(beliefs.floor, None, None, 0))  # the same guest, once more
    check.raises(OSError, beliefs.save_floor, beliefs.floor)
    door.flash.writeblocks = write
    beliefs.learn(Learns(beliefs.floor, None, None, 0))
    assert door.load().generation == 60


def test_beliefs_work_without_a_file_system():
    door = Door()
    door.root = "/nowhere/at/all"
    seen = door.load()
    assert facts(seen) == ALL and not seen.lost
    seen.accept(signing.policy(3000, generation=60, issued_at=ISSUED + 200), Clock(seen.floor), 0)
    while seen.settle():
        pass
    again = door.load()
    assert (again.version, again.generation, trusts(again)) == (3000, 60, [True] * 4)


def test_no_open_waits_for_an_erase_once_the_flash_was_tended():
    door = Door()
    beliefs = door.load()
    for n in range(400):
        while beliefs.settle():
            pass
        before = door.flash.erases
        beliefs.learn(Learns(ISSUED + 200 + n, None, n.to_bytes(8, "big") if n % 40 == 0 else None, ISSUED + 201 + n))
        beliefs.forget(ISSUED + 200 + n)
        assert door.flash.erases == before, n


if __name__ == "__main__":
    check.run(globals())
