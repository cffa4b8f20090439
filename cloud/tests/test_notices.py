"""A holder is told in the inbox, and by letter if there is an address and a mail server."""

from __future__ import annotations

import json

import pytest

from lockmate import db, notices, settings
from lockmate.keys import Key, holders
from lockmate.outbox import Outbox

pytestmark = pytest.mark.both_databases


@pytest.fixture
def mail(house):
    """The house sends letters."""
    environment = {
        "LOCKMATE_DATA": str(house.data),
        "LOCKMATE_SMTP_HOST": "mail.test",
        "LOCKMATE_SMTP_FROM": "desk@x.cn",
        "LOCKMATE_TESTING": "1",
        "LOCKMATE_TEST_CLOCK": str(house.test_clock),
    }
    return settings.use(settings.load(environment))


def letters():
    return list(Outbox.select().where(Outbox.channel == "smtp"))


def test_the_inbox_has_the_newest_first_and_counts_what_is_new(phone, time):
    notices.put(phone.holder, "claimed", {"hotel": "Lakeside"})
    notices.put(phone.holder, "issued", {"hotel": "Lakeside", "room": "801"})
    assert [(one.kind, one.told.get("room")) for one in notices.of(phone.holder)] == [
        ("issued", "801"),
        ("claimed", None),
    ]
    assert [one.kind for one in notices.of(phone.holder, limit=1)] == ["issued"]
    assert notices.unread(phone.holder) == 2
    assert notices.read(phone.holder) == 2
    assert (notices.read(phone.holder), notices.unread(phone.holder)) == (0, 0)


def test_an_inbox_is_its_holders_own(phone, phones):
    notices.put(phone.holder, "claimed")
    assert notices.of(phones("13900005678").holder) == []


def test_without_an_address_or_a_mail_server_there_is_no_letter(phone, mail, house):
    notices.put(phone.holder, "issued")
    holders.set_email(phone.holder, "wang@x.cn")
    settings.use(house)
    notices.put(phone.holder, "issued")
    assert letters() == []


def test_a_letter_is_put_out_with_the_facts_for_a_day(phone, mail, guest_key, time):
    holders.set_email(phone.holder, "wang@x.cn")
    notices.put(phone.holder, "changed", notices.about(Key.get_by_id(guest_key.id), "261124-0001", nights=2))
    [row] = letters()
    told = json.loads(bytes(row.payload))
    assert (row.address, row.order_key) == ("wang@x.cn", f"holder {phone.holder.id}")
    assert row.expires_at == time.now_ms + 86_400_000
    assert (told["kind"], told["language"]) == ("changed", "zh-CN")
    assert told["facts"] == {
        "hotel": "Lakeside",
        "timezone": "Asia/Shanghai",
        "room": "801",
        "order": "261124-0001",
        "starts_at": guest_key.starts_at,
        "ends_at": guest_key.ends_at,
        "nights": 2,
    }


def put_and_fail(holder):
    with db.transaction():
        notices.put(holder, "issued")
        raise RuntimeError


def test_a_verb_that_fails_tells_nobody(phone, mail):
    holders.set_email(phone.holder, "wang@x.cn")
    with pytest.raises(RuntimeError):
        put_and_fail(phone.holder)
    assert (notices.of(phone.holder), letters()) == ([], [])


def test_a_kind_without_words_is_refused(phone):
    with pytest.raises(notices.BadNotice):
        notices.put(phone.holder, "greeting")
