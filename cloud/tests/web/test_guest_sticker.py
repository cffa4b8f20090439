"""The sticker on a door: who has a right there opens, everybody else learns nothing."""

from __future__ import annotations

import re

import pytest

from lockmate import claims, doors, stays
from lockmate.doors import remote
from lockmate.stays import Stay


@pytest.fixture
def arrives(browser, hotel):
    """Makes a phone whose guest is checked in at a room."""

    def arrive(room="801", number="13800001234"):
        phone = browser()
        phone.get(f"/g/claim?t={claims.desk_ticket(hotel.property)}")
        phone.post("/g/claim", t=claims.desk_ticket(hotel.property), phone=number)
        stay = hotel.draft(room)
        claim = claims.waiting(hotel.property)[0].claim
        claims.confirm(claim, stay.present()[0], claim.code, number[-4:], by=hotel.desk)
        phone.stay = stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
        return phone

    return arrive


@pytest.fixture
def door(hotel):
    """The path of a door's sticker."""
    return lambda number=801, property_id=None: f"/g/d/{property_id or hotel.property.property_id}/{number}"


def plain(answer):
    """What a reader sees, without the form's token and the address in the language switch."""
    text = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text)
    return answer.status_code, re.sub(r'name="next" value="[^"]*"', "", text)


def asks(phone, path):
    """Holds the button: (status, JSON)."""
    page = phone.get(path)
    token = re.search(r'data-token="([^"]+)"', page.text)
    proof = {"X-CSRFToken": token[1] if token else phone._token}
    answer = phone._client.post(
        f"{path}/open", headers={"Accept": "application/json", "Accept-Language": "en"} | proof
    )
    return answer.status_code, answer.json


def answers(hotel, name, kind, verdict):
    """The door's event comes home."""
    asked = doors.RemoteOpen.select().order_by(doors.RemoteOpen.id.desc()).get()
    companion = doors.companions.by_id(f"c-{name.lower()}-test")
    remote.answered([remote.Answer(companion, asked.key_id, kind, verdict)], asked.asked_at + 900)


def test_a_stranger_and_another_guest_get_the_same_nothing(arrives, browser, door, another_hotel):
    guest, other, stranger = arrives("801"), arrives("802", "13900005678"), browser()
    assert "Hold to open" in guest.get(door()).text
    nothing = plain(stranger.get(door()))
    assert nothing[0] == 403
    assert "Scan the QR at the desk" in nothing[1]
    assert "801" not in nothing[1]
    assert "Lakeside" not in nothing[1]
    for phone, path in (
        (other, door()),
        (guest, door(802)),
        (guest, door(9002)),  # the staff's gate
        (stranger, door(777)),  # no such door
        (stranger, door("x")),
        (stranger, door("9" * 40)),
        (guest, door(801, another_hotel.property.property_id)),
        (stranger, door(801, "ffffffffffffffff")),
        (stranger, door(801, "<b>")),
    ):
        assert plain(phone.get(path)) == nothing, path


def test_who_has_no_right_can_not_ask(arrives, browser, door, hotel):
    hotel.companion("801").reports()
    arrives("801")
    for phone in (arrives("802", "13900005678"), browser()):
        status, answer = asks(phone, door())
        assert status == 403
        assert answer == {"state": "refused", "what": "Scan the QR at the desk", "do": answer["do"]}
    assert doors.RemoteOpen.select().count() == 0


def test_the_guest_opens_and_hears_the_doors_own_answer(arrives, browser, door, hotel):
    hotel.companion("801").reports()
    guest = arrives("801")
    status, asked = asks(guest, door())
    assert (status, asked["state"]) == (200, "waiting")
    assert guest.json(asked["ask"]).json["state"] == "waiting"
    answers(hotel, "801", "opened", "open")
    told = guest.json(asked["ask"]).json
    assert (told["state"], told["what"]) == ("opened", "The door is open")
    assert browser().json(asked["ask"]).status_code == 404
    assert arrives("802", "13900005678").json(asked["ask"]).status_code == 404


@pytest.mark.parametrize(("verdict", "what"), [("privacy", "Do not disturb is on"), ("revoked", "The door refused")])
def test_the_doors_refusal_is_said(arrives, door, hotel, verdict, what):
    hotel.companion("801").reports()
    guest = arrives("801")
    _, asked = asks(guest, door())
    answers(hotel, "801", "refused", verdict)
    told = guest.json(asked["ask"]).json
    assert (told["state"], told["code"], told["what"]) == ("refused", verdict, what)


def test_a_door_that_is_offline_says_to_use_the_code(arrives, door, hotel):
    hotel.companion("801")  # never heard
    status, answer = asks(arrives("801"), door())
    assert status == 409
    assert (answer["state"], answer["what"]) == ("offline", "The door is offline")
    assert "your code" in answer["do"]


def test_a_door_that_does_not_answer_is_not_said_to_be_open(arrives, door, hotel, time):
    hotel.companion("801").reports()
    guest = arrives("801")
    _, asked = asks(guest, door())
    time.passes(seconds=31)
    told = guest.json(asked["ask"]).json
    assert told["state"] == "no_answer"
    assert "use your code" in told["do"]


def test_a_common_door_opens_for_the_houses_guests(arrives, door, hotel):
    hotel.companion("Lift").reports()
    guest = arrives("801")
    page = guest.get(door(9001)).text
    assert "Door Lift" in page
    assert page.count("data-key=") == 1
    assert asks(guest, door(9001))[1]["state"] == "waiting"


def test_asking_is_slowed(arrives, door, hotel, time):
    hotel.companion("801").reports()
    guest = arrives("801")
    statuses = []
    for _ in range(8):
        statuses.append(asks(guest, door())[0])
        answers(hotel, "801", "opened", "open")
        time.passes(seconds=1)
    assert statuses == [200] * 6 + [429] * 2
    assert asks(guest, door())[1]["what"] == "Too many tries"


def test_after_check_out_the_sticker_gives_nothing(arrives, browser, door, hotel):
    guest = arrives("801")
    assert guest.get(door()).status_code == 200
    stays.check_out(Stay.get_by_id(guest.stay.id), by=hotel.desk)
    assert plain(guest.get(door())) == plain(browser().get(door()))


def test_the_page_carries_the_code_for_just_this_door(arrives, door):
    guest = arrives("801")
    key = re.search(r'data-key="(\w+)"', guest.get(door()).text)[1]
    one = guest.json(f"/g/card/sheaf?key={key}").json["cards"]
    assert [(card["key"], len(card["slots"][0][2])) for card in one] == [(key, 151)]
    assert guest.json("/g/card/sheaf?key=nothing").json["cards"] == []
