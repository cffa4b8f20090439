"""The link key: steps taken once, kept twice, and forgotten only with the key that was provisioned."""

import check
import flash_ram
from companion.core.mac import hmac_sha256
from companion.store.linkkey import LinkKey

FIRST = bytes(range(32))
SALT = b"s" * 16


def fresh():
    return flash_ram.fresh() + "/link"


def test_a_step_is_taken_once_and_all_who_hold_the_key_follow():
    path = fresh()
    link = LinkKey(path, FIRST)
    given = link.key
    assert (link.n, bytes(link.former), bytes(given)) == (0, FIRST, FIRST)
    link.follow(2, SALT)
    second = hmac_sha256(FIRST, b"LK1", SALT)
    assert (link.n, bytes(link.former), bytes(given)) == (2, FIRST, second)
    for n in (0, 1, 2):
        link.follow(n, b"t" * 16)
    assert bytes(given) == second
    again = LinkKey(path, FIRST)
    assert (again.n, bytes(again.former), bytes(again.key)) == (2, FIRST, second)
    again.follow(3, SALT)
    assert (bytes(again.former), bytes(again.key)) == (second, hmac_sha256(second, b"LK1", SALT))


def test_either_copy_is_enough():
    for lost in (".a", ".b"):
        path = fresh()
        link = LinkKey(path, FIRST)
        link.follow(1, SALT)
        flash_ram.put(path + lost, b"\xff" * 20)
        assert LinkKey(path, FIRST)._slots.damaged == 1
        assert bytes(LinkKey(path, FIRST).key) == bytes(link.key)


def test_a_key_that_was_provisioned_anew_begins_anew():
    path = fresh()
    LinkKey(path, FIRST).follow(1, SALT)
    link = LinkKey(path, bytes(32))
    assert (link.n, bytes(link.key)) == (0, bytes(32))
    link.follow(1, SALT)
    assert LinkKey(path, bytes(32)).n == 1


check.run(globals())
