# runs on: micropython32 micropython
"""What a door shows its broker survives a cut at every file operation: the old or the new, never neither."""

import json

import check
import flash_ram

from companion.store import files
from companion.store.identity import CERTIFICATE, KEY, NETWORKS, Identity, Next

CONFIG = {
    "companion_id": "c-801-test",
    "property_id": "5c1a9f0e77d2b436",
    "door": 801,
    "link_key": "00" * 32,
    "broker": {"host": "10.0.0.2", "port": 8883},
    "trust": [],
    "wifi": [{"ssid": "Old", "password": "old password"}],
}
NEW = [{"ssid": "New", "password": "new password"}, {"ssid": "Staff", "password": "x"}]
OLD_PAIR, NEW_PAIR = (b"old cert", b"old key"), (b"new cert", b"new key")


class Cut(Exception):
    """The power went."""


def provisioned(root=None):
    """A flash as an installer leaves it."""
    root = root or flash_ram.fresh()
    flash_ram.put(root + "/ca.der", b"ca")
    flash_ram.put(root + "/cert.der", OLD_PAIR[0])
    flash_ram.put(root + "/key.der", OLD_PAIR[1])
    flash_ram.put(root + "/config.json", json.dumps(CONFIG).encode())
    return root


def pair(identity):
    return identity.cert, identity.key


def wifi(root):
    return json.loads(flash_ram.get(root + "/config.json"))["wifi"]


def with_cut(n, work):
    """Do `work`, the power failing at the n-th file operation; False if it came to its end."""
    left = [n]

    def cutting(operation):
        def counted(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            return operation(*arguments)

        return counted

    real = files.write, files.remove
    files.write, files.remove = cutting(files.write), cutting(files.remove)
    try:
        work()
    except Cut:
        return True
    finally:
        files.write, files.remove = real
    return False


def test_what_was_provisioned_is_in_use_and_nothing_waits():
    identity = Identity(provisioned())
    assert (identity.ca, pair(identity), identity.next, identity.done) == (b"ca", OLD_PAIR, None, 0)


def test_what_is_to_come_waits_over_a_boot_and_the_old_stays_in_use():
    root = provisioned()
    Identity(root).keep(Next(7, KEY, b"new key"))
    again = Identity(root)
    assert (again.next.version, again.next.what, again.next.key) == (7, KEY, b"new key")
    assert (pair(again), again.done) == (OLD_PAIR, 0)


def test_a_proved_pair_takes_the_place_of_the_old_whole_whenever_the_power_goes():
    cuts = 0
    while True:
        root = provisioned()
        identity = Identity(root)
        identity.keep(Next(7, CERTIFICATE, NEW_PAIR[1], NEW_PAIR[0]))
        went = with_cut(cuts, identity.promote)
        after = Identity(root)
        assert pair(after) in (OLD_PAIR, NEW_PAIR), (cuts, pair(after))
        if pair(after) == OLD_PAIR:
            assert after.next is not None and not after.next.proved, "it is still there to be tried"
        else:
            assert (after.next, after.done) == (None, 7)
        third = Identity(root)
        assert pair(third) == pair(after), "a second boot changes nothing"
        if not went:
            break
        cuts += 1
    assert pair(after) == NEW_PAIR and cuts > 4, cuts


def test_proved_networks_are_in_the_configuration_whenever_the_power_goes():
    cuts = 0
    while True:
        root = provisioned()
        identity = Identity(root)
        identity.keep(Next(7, NETWORKS, networks=json.dumps(NEW).encode()))
        assert identity.networks() == NEW
        went = with_cut(cuts, identity.promote)
        after = Identity(root)
        assert wifi(root) in (CONFIG["wifi"], NEW)
        assert wifi(root) == NEW or after.networks() == NEW, cuts
        kept = json.loads(flash_ram.get(root + "/config.json"))
        kept["wifi"] = CONFIG["wifi"]
        assert kept == CONFIG, "nothing else changed"
        if not went:
            break
        cuts += 1
    assert (wifi(root), after.next, after.done) == (NEW, None, 7)


def test_a_cut_while_it_is_kept_leaves_the_former_or_the_new():
    for cuts in range(3):
        root = provisioned()
        identity = Identity(root)
        identity.keep(Next(7, KEY, b"key 7"))
        with_cut(cuts, lambda: identity.keep(Next(8, KEY, b"key 8")))
        assert Identity(root).next.version in (7, 8)


def test_what_an_installer_wrote_since_is_not_overwritten():
    root = provisioned()
    identity = Identity(root)
    identity.keep(Next(7, CERTIFICATE, NEW_PAIR[1], NEW_PAIR[0]))
    identity.next.proved = True
    identity._write(identity.next)  # proved, and the power went
    flash_ram.put(root + "/cert.der", b"by cable")
    flash_ram.put(root + "/key.der", b"its key")
    after = Identity(root)
    assert (pair(after), after.next) == ((b"by cable", b"its key"), None)


def test_either_file_of_what_waits_may_rot():
    for suffix in (".a", ".b"):
        root = provisioned()
        Identity(root).keep(Next(7, KEY, b"new key"))
        flash_ram.put(root + "/renewal/next" + suffix, b"rot")
        assert Identity(root).next.key == b"new key"
    root = provisioned()
    flash_ram.put(root + "/config.json", b"{")
    Identity(root).keep(Next(7, KEY, b"k"))
    for suffix in (".a", ".b"):
        flash_ram.put(root + "/renewal/next" + suffix, b"")
    assert Identity(root).next is None


def test_networks_that_no_boot_could_read_are_never_put_there():
    root = provisioned()
    identity = Identity(root)
    identity.keep(Next(7, NETWORKS, networks=b'[{"ssid": 5}]'))
    identity.promote()
    assert (wifi(root), identity.done) == (CONFIG["wifi"], 7)


if __name__ == "__main__":
    check.run(globals())
