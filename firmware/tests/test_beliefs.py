"""What the door believes survives boots, cuts between two writes, and the loss of any one file."""

# time limit: 300

import os

import check
import flash_ram
import signing
from companion.core.clock import Clock
from companion.core.gate import Learns
from companion.core.names import EMERGENCY, GUEST, POLICY, REMOTE, RESET_KIND, STAFF, UPDATE
from companion.core.policy import Refused
from companion.store import files
from companion.store.beliefs import Beliefs
from companion.store.config import Config

ISSUED = 1795453200
KEY = bytes(range(8))
P1 = signing.policy(1000)
P2 = signing.policy(2000, generation=50, issued_at=ISSUED + 100)
P_EPOCH = signing.policy(3000, clock_epoch=1, issued_at=ISSUED - 1_000_000, generation=7)
RECORDS = ("learned", "policy", "trust")


def config(**changed):
    return Config(signing.config(**changed))


def load(root, provisioned=None, **changed):
    return Beliefs.load(root + "/beliefs", config(**changed), provisioned)


def provisioned():
    """A door after its first boot; where its flash is."""
    root = flash_ram.fresh()
    assert load(root, P1).guests_trusted
    return root


def accept(beliefs, wire):
    return beliefs.accept(wire, Clock(beliefs.floor), 0)


def settle(beliefs):
    while beliefs.settle():
        pass


def spoil(path):
    raw = bytearray(flash_ram.get(path))
    raw[len(raw) // 2] ^= 16
    flash_ram.put(path, raw)


def trusts(beliefs):
    return [bool(beliefs.verifier(slot, kind)) for slot, kind in ((0, GUEST), (0, REMOTE), (0, RESET_KIND), (4, STAFF))]


def test_a_provisioned_door_believes_its_policy_from_the_first_moment():
    root = flash_ram.fresh()
    beliefs = load(root, P1)
    assert (beliefs.version, beliefs.generation, beliefs.floor) == (1000, 42, ISSUED)
    assert beliefs.is_room and beliefs.zones == 8 and beliefs.staff_epoch == 3 and not beliefs.lost
    assert trusts(beliefs) == [True] * 4
    again = load(root)
    assert (again.version, again.held_hash, again.generation) == (1000, beliefs.held_hash, 42)
    assert trusts(again) == [True] * 4 and not again.lost and again.damaged == 0


def test_a_slot_is_trusted_only_for_its_kinds():
    beliefs = load(provisioned())
    assert beliefs.verifier(0, STAFF) is None and beliefs.verifier(4, GUEST) is None
    assert beliefs.verifier(7, GUEST) is None and beliefs.verifier(8, GUEST) is None
    assert beliefs.verifier(8, POLICY) is beliefs.verifier(8, POLICY) is not None


def test_what_a_token_taught_is_on_flash_when_learn_returns():
    root = provisioned()
    load(root).learn(Learns(ISSUED + 60, 43, KEY, ISSUED + 500))
    again = load(root)
    assert (again.generation, again.floor) == (43, ISSUED + 60)
    assert again.was_used(KEY) and not again.was_used(bytes(8))


def test_learning_nothing_new_writes_nothing():
    root = provisioned()
    beliefs = load(root)
    beliefs.learn(Learns(ISSUED + 60, 43, None, 0))
    settle(beliefs)
    before = flash_ram.get(root + "/beliefs/learned.a"), flash_ram.get(root + "/beliefs/learned.b")
    beliefs.learn(Learns(ISSUED + 59, 42, None, 0))
    beliefs.save_floor(ISSUED + 60)
    assert before == (flash_ram.get(root + "/beliefs/learned.a"), flash_ram.get(root + "/beliefs/learned.b"))


def test_used_keys_stay_until_they_expired_for_sure_and_are_bounded():
    root = provisioned()
    beliefs = load(root)
    for n in range(128):
        assert not beliefs.used_full()
        beliefs.learn(Learns(0, None, n.to_bytes(8, "big"), ISSUED + n))
    assert beliefs.used_full() and load(root).used_full()
    beliefs.forget(ISSUED + 2)
    assert not beliefs.was_used((1).to_bytes(8, "big")) and beliefs.was_used((2).to_bytes(8, "big"))
    assert not beliefs.used_full()


def test_a_policy_replaces_all_but_what_was_learned():
    root = provisioned()
    beliefs = load(root)
    beliefs.learn(Learns(ISSUED + 60, 60, KEY, ISSUED + 500))
    assert accept(beliefs, P2).version == 2000
    for seen in (beliefs, load(root)):
        assert (seen.version, seen.generation, seen.floor) == (2000, 60, ISSUED + 100)
        assert seen.was_used(KEY) and seen.guests_trusted
    check.raises(Refused, accept, beliefs, P1)
    check.raises(Refused, accept, beliefs, P2)
    check.raises(Refused, accept, beliefs, P2[:-1] + b" ")


def test_an_accepted_policy_raises_the_generation():
    root = provisioned()
    accept(load(root), P2)
    assert load(root).generation == 50


def test_the_trusted_keys_follow_the_policy():
    root = provisioned()
    beliefs = load(root)
    assert beliefs.verifier(9, POLICY) is None
    accept(beliefs, signing.policy(2000, trust=signing.trusted(0, 8, 9)))
    for seen in (beliefs, load(root)):
        assert seen.verifier(9, POLICY) and seen.verifier(4, STAFF) is None
    accept(load(root), signing.policy(2001, slot=9, trust=signing.trusted(0, 4, 9)))
    assert load(root).verifier(8, POLICY) is None and load(root).version == 2001


def test_only_a_higher_clock_epoch_sets_the_time_back():
    root = provisioned()
    beliefs = load(root)
    clock = Clock(beliefs.floor)
    clock.synchronise(ISSUED + 40_000_000, 0, 0)
    beliefs.save_floor(clock.floor(0))
    beliefs.accept(P2, clock, 0)
    assert clock.interval(0)[0] == ISSUED + 40_000_000 == load(root).floor
    beliefs.accept(P_EPOCH, clock, 0)
    assert clock.interval(0) == (ISSUED - 1_000_000, None)
    assert load(root).floor == ISSUED - 1_000_000
    assert load(root).generation == 50


def test_the_first_policy_of_a_spare_sets_the_epoch_without_setting_the_time_back():
    root = flash_ram.fresh()
    beliefs = load(root)
    beliefs.save_floor(ISSUED)
    accept(beliefs, P_EPOCH)
    assert load(root).floor == ISSUED and load(root).clock_epoch == 1


def test_any_one_damaged_file_loses_nothing():
    root = provisioned()
    beliefs = load(root)
    beliefs.learn(Learns(ISSUED + 60, 43, KEY, ISSUED + 500))
    accept(beliefs, P2)
    beliefs.learn(Learns(ISSUED + 160, 51, bytes(8), ISSUED + 500))
    settle(beliefs)
    kept = root + "/kept"
    flash_ram.copy(root + "/beliefs", kept)
    for record in RECORDS:
        for suffix in (".a", ".b"):
            for harm in (spoil, os.remove, lambda path: flash_ram.put(path, b"")):
                flash_ram.copy(kept, root + "/beliefs")
                harm(root + "/beliefs/" + record + suffix)
                seen = load(root)
                facts = (seen.version, seen.generation, seen.floor, seen.was_used(KEY), seen.was_used(bytes(8)))
                assert facts == (2000, 51, ISSUED + 160, True, True), (record, suffix)
                assert seen.guests_trusted and not seen.lost and trusts(seen) == [True] * 4
                assert seen.damaged == (0 if harm is os.remove and suffix == ".b" else 1)
                healed = load(root)
                assert healed.damaged == 0 and healed.generation == 51


def both_lost(record, harm=spoil):
    root = provisioned()
    beliefs = load(root)
    beliefs.learn(Learns(ISSUED + 60, 60, None, 0))
    accept(beliefs, P2)
    settle(beliefs)
    for suffix in (".a", ".b"):
        harm(root + "/beliefs/" + record + suffix)
    return root


def test_when_what_was_learned_is_lost_guests_wait_until_the_cloud_names_the_policy():
    for harm in (spoil, os.remove):
        root = both_lost("learned", harm)
        beliefs = load(root)
        assert beliefs.lost and beliefs.version == 2000 and beliefs.floor == ISSUED + 100
        assert trusts(beliefs) == [False, False, False, True]
        beliefs = load(root)
        assert trusts(beliefs) == [False, False, False, True]
        beliefs.policy_named(1999)
        assert trusts(beliefs) == [False, False, False, True]
        beliefs.policy_named(2000)
        assert trusts(beliefs) == [True] * 4 == trusts(load(root))
        assert not load(root).lost


def test_when_the_policy_is_lost_only_the_keys_of_emergency_policy_and_update_are_left():
    for harm in (spoil, os.remove):
        root = both_lost("policy", harm)
        for _ in range(2):
            beliefs = load(root)
            assert beliefs.lost and beliefs.held_version == 0 and beliefs.held_hash == "0" * 16
            assert trusts(beliefs) == [False] * 4
            assert (
                beliefs.verifier(4, EMERGENCY) and beliefs.verifier(8, POLICY) and beliefs.verifier(4, UPDATE) is None
            )
            assert beliefs.generation == 60 and beliefs.is_room and beliefs.zones == 0
        accept(beliefs, P1)  # an old one that the broker still had
        assert trusts(beliefs) == [False, False, False, True] == trusts(load(root))
        beliefs = load(root)
        accept(beliefs, P2)
        beliefs.policy_named(1000)
        assert trusts(beliefs) == [False, False, False, True]
        beliefs.policy_named(2000)
        assert trusts(load(root)) == [True] * 4


def test_an_older_policy_in_the_place_of_the_newest_is_a_loss():
    root = provisioned()
    old = flash_ram.get(root + "/beliefs/policy.a"), flash_ram.get(root + "/beliefs/policy.b")
    accept(load(root), P2)
    flash_ram.put(root + "/beliefs/policy.a", old[0])
    flash_ram.put(root + "/beliefs/policy.b", old[1])
    beliefs = load(root)
    assert beliefs.lost and beliefs.version == 1000 and trusts(beliefs) == [False, False, False, True]


def test_when_the_keys_are_lost_those_of_the_installer_count():
    root = both_lost("trust")
    beliefs = load(root)
    assert beliefs.version == 2000 and trusts(beliefs) == [True] * 4


def test_a_spare_trusts_no_guest_until_the_cloud_names_its_policy():
    root = flash_ram.fresh()
    beliefs = load(root, door=0)
    assert not beliefs.lost and trusts(beliefs) == [False] * 4 and beliefs.verifier(4, EMERGENCY)
    assert beliefs.door == 0 and not beliefs.take_door(0) and beliefs.take_door(801) and not beliefs.take_door(802)
    beliefs = load(root, door=0)
    assert beliefs.door == 801 and not beliefs.lost
    accept(beliefs, P1)
    assert trusts(load(root, door=0)) == [False, False, False, True]
    beliefs.policy_named(1000)
    assert trusts(load(root, door=0)) == [True] * 4


def test_a_spoilt_policy_of_the_installer_makes_a_spare():
    root = flash_ram.fresh()
    beliefs = load(root, P1[:-1] + b" ")
    assert trusts(beliefs) == [False] * 4 and trusts(load(root)) == [False] * 4
    accept(beliefs, P1)
    assert trusts(load(root)) == [False, False, False, True]


def test_an_old_policy_of_the_installer_does_not_come_back():
    root = provisioned()
    accept(load(root), P2)
    assert load(root, P1).version == 2000
    assert load(root, signing.policy(2500)).version == 2500


def test_provisioning_another_door_erases_what_this_one_believed():
    root = provisioned()
    load(root).learn(Learns(ISSUED + 60, 60, KEY, ISSUED + 500))
    other = signing.policy(500, door=802, generation=3)
    beliefs = load(root, other, door=802)
    assert (beliefs.version, beliefs.generation, beliefs.door) == (500, 3, 802) and not beliefs.was_used(KEY)
    assert beliefs.guests_trusted and load(root, door=802).generation == 3


class Cut(Exception):
    pass


def with_cut(n, work):
    """Do `work` with the power going at the n-th file operation; whether it went."""
    left = [n]
    write, remove = files.write, files.remove

    def counted(function):
        def run(*arguments):
            if left[0] == 0:
                raise Cut
            left[0] -= 1
            function(*arguments)

        return run

    files.write, files.remove = counted(write), counted(remove)
    try:
        work()
        return False
    except Cut:
        return True
    finally:
        files.write, files.remove = write, remove


def test_a_cut_while_a_policy_is_taken_leaves_the_old_one_or_the_new_one_whole():
    n = 0
    went = True
    while went:
        root = provisioned()
        beliefs = load(root)
        beliefs.learn(Learns(ISSUED + 60, 60, KEY, ISSUED + 500))
        went = with_cut(n, lambda: (accept(beliefs, P_EPOCH), settle(beliefs)))
        seen = load(root)
        assert (seen.version, seen.floor) in ((1000, ISSUED + 60), (3000, ISSUED - 1_000_000)), n
        assert seen.generation == 60 and seen.was_used(KEY) and trusts(seen) == [True] * 4 and not seen.lost
        assert load(root).floor == seen.floor
        n += 1
    assert n > 5


def test_a_cut_during_the_first_boot_leaves_a_door_that_can_be_booted_again():
    n = 0
    went = True
    while went:
        root = flash_ram.fresh()
        went = with_cut(n, lambda: load(root, P1))
        assert trusts(load(root, P1)) == [True] * 4, n
        n += 1
    assert n > 5


def test_a_cut_while_another_door_is_provisioned_never_mixes_the_two():
    other = signing.policy(500, door=802, generation=3)
    n = 0
    went = True
    while went:
        root = provisioned()
        went = with_cut(n, lambda: load(root, other, door=802))
        seen = load(root, other, door=802)
        assert (seen.version, seen.generation, seen.guests_trusted) == (500, 3, True), n
        n += 1
    assert n > 5


def test_lockout_counts_from_the_forgery_on_its_own_road():
    beliefs = load(provisioned())
    assert not beliefs.locked_out(0, 0)
    beliefs.forged(0, 10_000)
    assert beliefs.locked_out(0, 10_000) and beliefs.locked_out(0, 11_999)
    assert not beliefs.locked_out(0, 12_000) and not beliefs.locked_out(1, 10_001)


def test_a_flood_of_forgeries_leaves_every_second_two_seconds_free():
    beliefs = load(provisioned())
    locked_since = None
    longest = 0
    for now_ms in range(0, 600_000, 50):
        if beliefs.locked_out(0, now_ms):
            locked_since = now_ms if locked_since is None else locked_since
            longest = max(longest, now_ms - locked_since)
        else:
            locked_since = None
            beliefs.forged(0, now_ms)
    assert longest <= 2_000
    beliefs.forged(0, 700_000)
    assert beliefs.locked_out(0, 701_999)


def test_a_buttons_privacy_outlives_a_power_cut_and_not_another_door():
    root = provisioned()
    load(root).latch(True)
    assert load(root).privacy
    accept(load(root), P2)
    assert load(root).privacy
    assert not load(root, P1, door=802).privacy
    load(root).latch(False)
    assert not load(root).privacy


def test_a_config_that_is_wrong_says_which_member():
    for changed, code in (
        ({"companion_id": "A"}, "config_companion_id"),
        ({"companion_id": None}, "config_companion_id"),
        ({"property_id": "5c"}, "config_property_id"),
        ({"link_key": "zz" * 32}, "config_link_key"),
        ({"door": "801"}, "config_door"),
        ({"door": True}, "config_door"),
        ({"broker": {"host": "a", "port": 0}}, "config_broker"),
        ({"broker": {"host": "a", "port": 1, "name": 5}}, "config_broker"),
        ({"wifi": "home"}, "config_wifi"),
        ({"wifi": ["home"]}, "config_wifi"),
        ({"wifi": [{"ssid": "home"}]}, "config_wifi"),
        ({"trust": None}, "config_trust"),
        ({"trust": [{"slot": 99}]}, "config_trust"),
    ):
        assert _code(changed) == code, changed
    for text in (b"", b"[]", b"null", b"\xff\xfe"):
        assert check.raises(ValueError, Config, text).code == "config_not_json"


def _code(changed):
    try:
        config(**changed)
    except ValueError as wrong:
        return wrong.code
    return None


check.run(globals())
