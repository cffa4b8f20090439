"""Policies: fields one by one, modes in their time, the deny list's search."""

import binascii
import json

import check
from companion.core import policy
from companion.core.names import POLICY

ISSUED = 1_795_453_300


def document(**changes):
    deny = changes.pop("deny_entries", ())
    fields = {
        "version": 1_795_453_300_123,
        "door": 801,
        "class": "room",
        "zones": [3],
        "generation": 43,
        "staff_epoch": 3,
        "emergency_epoch": 1,
        "clock_epoch": 0,
        "min_iat": 0,
        "deny": binascii.b2a_base64(b"".join(deny)).decode().strip(),
        "mode": "normal",
        "mode_until": 0,
        "schedule": [],
        "trust": [{"slot": 8, "key": "ab" * 32, "kinds": ["policy"]}],
        "clock_lost": "guests",
        "settings": {},
        "issued_at": ISSUED,
    }
    fields.update(changes)
    return fields


def a_policy(**changes):
    fields = document(**changes)
    return policy.Policy(bytes(65) + json.dumps(fields).encode(), fields)


def refusal(**changes):
    try:
        a_policy(**changes)
    except policy.Refused as refused:
        return refused.code
    return None


def entry(n, until=9):
    return n.to_bytes(8, "big") + until.to_bytes(4, "big")


def test_a_policy_may_ask_for_the_next_link_key():
    assert a_policy().link is None
    assert a_policy(link=[3, "0f" * 16]).link == (3, b"\x0f" * 16)
    for wrong in (None, [], [3], [0, "0f" * 16], [3, "0f" * 15], [3, "zz" * 16], [True, "0f" * 16], [3, 5], "x"):
        assert refusal(link=wrong) == "bad_field", wrong


def test_a_right_policy_is_read():
    p = a_policy(settings={"bolt_ms": 800, "ajar_s": 60, "later": "ignored"})
    assert p.is_room and p.zones == 8 and p.generation == 43 and p.guests_when_lost
    assert p.settings == {"bolt_ms": 800, "ajar_s": 60}
    assert len(p.hash) == 16 and p.trust[0].kinds == (POLICY,)


def test_every_field_is_needed():
    for name in document():
        fields = document()
        del fields[name]
        try:
            policy.Policy(bytes(66), fields)
        except policy.Refused as refused:
            assert refused.code == "field_missing", name
        else:
            raise AssertionError(name)


def test_numbers_out_of_bounds_and_things_that_are_none():
    for name in ("door", "generation", "staff_epoch", "emergency_epoch", "clock_epoch", "min_iat", "issued_at"):
        for value in (-1, 2**32, "43", True, None, 1.5, [1]):
            assert refusal(**{name: value}) == "bad_field", (name, value)
    assert refusal(version=2**53) == "bad_field"


def test_words_lists_and_settings_out_of_bounds():
    for changes in (
        {"class": "suite"},
        {"class": 1},
        {"clock_lost": "nobody"},
        {"mode": "open"},
        {"zones": 3},
        {"zones": [32]},
        {"zones": [-1]},
        {"schedule": [[5, 5]]},
        {"schedule": [[1, 2, 3]]},
        {"schedule": [[1]]},
        {"schedule": [[n, n + 1] for n in range(17)]},
        {"deny": 5},
        {"deny": "!"},
        {"deny": "AAAA"},
        {"settings": []},
        {"settings": {"bolt_ms": 0}},
        {"settings": {"bolt_ms": True}},
        {"trust": {}},
        {"trust": [5]},
        {"trust": [{"slot": 16, "key": "ab" * 32, "kinds": ["policy"]}]},
        {"trust": [{"slot": 8, "key": "ab" * 31, "kinds": ["policy"]}]},
        {"trust": [{"slot": 8, "key": "zz" * 32, "kinds": ["policy"]}]},
        {"trust": [{"slot": 8, "key": "ab" * 32, "kinds": []}]},
        {"trust": [{"slot": 8, "key": "ab" * 32, "kinds": ["king"]}]},
        {"trust": [{"slot": 8, "key": "ab" * 32, "kinds": ["policy", "update"]}]},
    ):
        assert refusal(**changes) == "bad_field", changes


def test_one_slot_twice():
    twice = [{"slot": 8, "key": "ab" * 32, "kinds": ["policy"]}, {"slot": 8, "key": "cd" * 32, "kinds": ["guest"]}]
    assert refusal(trust=twice) == "slot_reused"


def test_deny_list_must_be_sorted_and_is_searched_to_its_ends():
    entries = [entry(n * 3) for n in range(1, 129)]
    p = a_policy(deny_entries=entries)
    for n in range(1, 129):
        assert p.denied((n * 3).to_bytes(8, "big"))
        assert not p.denied((n * 3 + 1).to_bytes(8, "big"))
    assert not p.denied(bytes(8)) and not p.denied(b"\xff" * 8)
    assert refusal(deny_entries=[entry(2), entry(1)]) == "bad_field"
    assert refusal(deny_entries=[entry(1, 5), entry(1, 6)]) == "bad_field"
    assert refusal(deny_entries=entries + [entry(1000)]) == "bad_field"


def test_a_mode_has_an_end_at_most_a_day_ahead():
    for mode in ("passage", "lockdown", "evacuate"):
        assert refusal(mode=mode, mode_until=0) == "mode_end"
        assert refusal(mode=mode, mode_until=ISSUED) == "mode_end"
        assert refusal(mode=mode, mode_until=ISSUED + 86_401) == "mode_end"
        assert refusal(mode=mode, mode_until=ISSUED + 86_400) is None


def test_lockdown_holds_until_lo_has_passed_its_end():
    p = a_policy(mode="lockdown", mode_until=ISSUED + 100)
    assert p.mode_at(ISSUED, None) == "lockdown"
    assert p.mode_at(ISSUED + 99, ISSUED + 200) == "lockdown"
    assert p.mode_at(ISSUED + 100, ISSUED + 200) == "normal"


def test_passage_lapses_with_the_time_lost_or_reached_by_hi():
    p = a_policy(mode="passage", mode_until=ISSUED + 100)
    assert p.mode_at(ISSUED, ISSUED + 99) == "passage" and p.stays_open(ISSUED, ISSUED + 99)
    assert p.mode_at(ISSUED, ISSUED + 100) == "normal"
    assert p.mode_at(ISSUED, None) == "normal" and not p.stays_open(ISSUED, None)


def test_evacuate_opens_common_doors_only():
    for door_class, opens in (("room", False), ("common", True)):
        p = a_policy(mode="evacuate", mode_until=ISSUED + 100, **{"class": door_class})
        assert p.mode_at(ISSUED, ISSUED) == "evacuate" and p.stays_open(ISSUED, ISSUED) is opens


def test_the_schedule_counts_in_mode_normal_and_wholly_inside():
    p = a_policy(schedule=[[100, 200], [300, 400]])
    for lo, hi, mode in (
        (100, 199, "passage"),
        (99, 150, "normal"),
        (150, 200, "normal"),
        (300, 300, "passage"),
        (150, 350, "normal"),
        (150, None, "normal"),
    ):
        assert p.mode_at(lo, hi) == mode, (lo, hi)
    p = a_policy(schedule=[[0, 2**32 - 1]], mode="lockdown", mode_until=ISSUED + 100)
    assert p.mode_at(ISSUED, ISSUED) == "lockdown"
    assert p.mode_at(ISSUED + 100, ISSUED + 100) == "passage"


if __name__ == "__main__":
    check.run(globals())
