"""The outbox: in order, once at a time, given up visibly."""

from __future__ import annotations

import pytest

from lockmate import outbox
from lockmate.outbox import Outbox
from lockmate.outbox.verbs import ATTEMPTS_MAX

pytestmark = [pytest.mark.usefixtures("house"), pytest.mark.both_databases]


def put(address="a", payload=b"x", **more):
    return outbox.put("mqtt", address, payload, **{"order_key": "one", "property_id": None} | more)


def state(row):
    return Outbox.get_by_id(row.id).state


def test_rows_go_out_in_order_and_one_at_a_time_for_each_key(time):
    first, second, other = put(), put(), put(order_key="two")
    assert outbox.lease("mqtt", 10) == [first, other]
    assert outbox.lease("mqtt", 10) == []
    leased = Outbox.get_by_id(first.id)
    assert outbox.sent(leased)
    assert outbox.lease("mqtt", 10) == [second]
    assert (state(first), Outbox.get_by_id(first.id).sent_at) == ("sent", time.now_ms)


def test_only_as_many_as_asked_for_and_only_of_the_channel(time):
    rows = [put(order_key=str(n)) for n in range(5)]
    outbox.put("sms", "b", b"y", property_id=None, order_key="0")
    assert outbox.lease("mqtt", 2) == rows[:2]
    assert outbox.pending("mqtt") == 5
    assert len(outbox.lease("sms", 9)) == 1


def test_a_failed_row_is_tried_again_ever_more_rarely_and_blocks_those_behind_it(time):
    first, second = put(), put()
    waits = []
    for _ in range(4):
        row = outbox.lease("mqtt", 1)[0]
        assert row == first
        outbox.failed(row, "broker away")
        again = Outbox.get_by_id(first.id)
        assert again.error == "broker away"
        waits.append(again.next_try_at - time.now_ms)
        assert outbox.lease("mqtt", 5) == []
        time.passes(ms=waits[-1])
    assert waits == sorted(waits)
    assert waits[0] >= 500
    assert state(second) == "pending"


def test_a_row_is_dead_after_its_last_attempt_stays_visible_and_lets_the_next_go(time):
    first, second = put(), put()
    for _ in range(ATTEMPTS_MAX):
        outbox.failed(outbox.lease("mqtt", 1)[0], "no" * 200)
        time.passes(minutes=6)
    assert outbox.dead() == [first]
    assert len(outbox.dead()[0].error) == 200
    assert outbox.lease("mqtt", 5) == [second]


def test_a_lease_that_ran_out_is_given_again_and_the_first_holder_can_no_longer_settle_it(time):
    put()
    lost = outbox.lease("mqtt", 1)[0]
    time.passes(seconds=30)
    again = outbox.lease("mqtt", 1)[0]
    assert again == lost
    assert not outbox.sent(lost)
    assert not outbox.failed(lost, "late")
    assert outbox.sent(again)
    assert not outbox.sent(again)


def test_a_newer_retained_row_supersedes_those_that_wait(time):
    old, other, plain = put(retained=True), put("b", retained=True), put()
    new = put(retained=True)
    assert [state(row) for row in (old, other, plain, new)] == ["superseded", "pending", "pending", "pending"]


def test_a_leased_row_is_not_superseded_but_goes_first(time):
    old = put(retained=True)
    leased = outbox.lease("mqtt", 1)[0]
    new = put(retained=True)
    assert outbox.lease("mqtt", 5) == []
    outbox.sent(leased)
    assert state(old) == "sent"
    assert outbox.lease("mqtt", 5) == [new]


def test_a_retained_row_is_tried_until_it_goes(time):
    put(retained=True)
    for _ in range(ATTEMPTS_MAX + 30):
        outbox.failed(outbox.lease("mqtt", 1)[0], "refused")
        time.passes(minutes=5)
    assert outbox.sent(outbox.lease("mqtt", 1)[0])


def test_a_retained_row_that_failed_gives_way_to_the_newer_one(time):
    old = put(retained=True)
    leased = outbox.lease("mqtt", 1)[0]
    new = put(retained=True)
    assert outbox.failed(leased, "connection lost")
    assert state(old) == "superseded"
    assert outbox.lease("mqtt", 5) == [new]


def test_a_clock_that_is_set_back_holds_nothing_up(time):
    failed, leased, fresh = put(order_key="1"), put(order_key="2"), put(order_key="3")
    outbox.failed(outbox.lease("mqtt", 1)[0], "broker away")
    assert outbox.lease("mqtt", 1) == [leased]
    time.passes(hours=-1)
    assert outbox.lease("mqtt", 9) == [failed, leased, fresh]
    assert outbox.lease("mqtt", 9) == []


def test_rows_that_are_done_are_forgotten_after_a_week_and_the_dead_are_not(time):
    dead, done = put(expires_at=time.now_ms), put()
    outbox.sent(outbox.lease("mqtt", 1)[0])
    time.passes(days=6)
    put()
    assert state(done) == "sent"
    time.passes(days=2)
    put()
    assert [row.state for row in Outbox.select().order_by(Outbox.id)] == ["dead", "pending", "pending"]
    assert outbox.dead() == [dead]


def test_a_row_past_its_time_is_not_sent(time):
    row = put(expires_at=time.now_ms + 30_000)
    time.passes(seconds=30)
    assert outbox.lease("mqtt", 5) == []
    assert (state(row), Outbox.get_by_id(row.id).error) == ("dead", "expired")
