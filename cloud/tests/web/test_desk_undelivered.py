"""Dead letters: the desk sees what was given up, of its own hotel only, and has it tried again."""

from __future__ import annotations

import pytest

from lockmate import outbox
from lockmate.outbox import Outbox


@pytest.fixture
def letter(hotel, time):
    return dead(hotel, "guest@example.com", "550 no such mailbox")


def dead(hotel, address, error, channel="smtp", **more):
    row = outbox.put(channel, address, b"{}", property_id=hotel.property.id, order_key=address, **more)
    outbox.failed(outbox.lease(channel, 1)[0], error, final=True)
    return Outbox.get_by_id(row.id)


@pytest.fixture
def manager(desk):
    return desk


def test_the_desk_sees_what_was_given_up_and_why(manager, hotel, letter):
    hotel.companion()
    dead(hotel, "lm/1/c-801-test/down/open", "expired", channel="mqtt")
    page = manager.get("/desk/undelivered").text
    assert "guest@example.com" in page
    assert "550 no such mailbox" in page
    assert "<strong>801</strong>" in page


def test_a_letter_is_tried_again_from_its_first_attempt(manager, letter):
    manager.get("/desk/undelivered")
    page = manager.post(f"/desk/undelivered/{letter.id}/again").text
    assert "It is on its way again." in page
    assert "guest@example.com" not in page
    again = outbox.lease("smtp", 5)
    assert [(row.id, row.attempts) for row in again] == [(letter.id, 1)]


def test_a_letter_whose_time_is_over_is_not_tried_again(manager, hotel, time):
    late = dead(hotel, "guest@example.com", "421", expires_at=time.now_ms + 60_000)
    manager.get("/desk/undelivered")
    time.passes(minutes=2)
    assert manager.post(f"/desk/undelivered/{late.id}/again").status_code == 409
    assert Outbox.get_by_id(late.id).state == "dead"


def test_an_older_retained_message_never_overtakes_a_newer_one(manager, hotel):
    old = dead(hotel, "lm/1/c-801-test/down/policy", "too large", channel="mqtt", retained=True)
    newer = outbox.put("mqtt", "lm/1/c-801-test/down/policy", b"2", property_id=hotel.property.id,
                       order_key="x", retained=True)
    outbox.sent(outbox.lease("mqtt", 1)[0])
    manager.get("/desk/undelivered")
    assert manager.post(f"/desk/undelivered/{old.id}/again").status_code == 409
    assert (Outbox.get_by_id(old.id).state, Outbox.get_by_id(newer.id).state) == ("dead", "sent")


def test_another_hotels_letters_are_not_found(manager, another_hotel):
    theirs = dead(another_hotel, "other@example.com", "550")
    assert "other@example.com" not in manager.get("/desk/undelivered").text
    assert manager.post(f"/desk/undelivered/{theirs.id}/again").status_code == 404
    assert Outbox.get_by_id(theirs.id).state == "dead"
