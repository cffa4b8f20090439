"""The PMS's interface: the desk's verbs over HTTP, each change done once, and an occupied room is a person's matter."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloud.tests.gates import Door, qr
from lockmate import db, staff, stays
from lockmate.errors import NotFound
from lockmate.keys import Key
from lockmate.staff import Audit, System
from lockmate.stays import Order, Stay

DOCS = Path(__file__).parents[3] / "docs" / "pms.md"


class Pms:
    """A program that holds a token; it asks for nothing but what curl asks for."""

    def __init__(self, app, token):
        self._client, self._token, self._asked = app.test_client(), token, 0

    def asks(self, method, path, key=None, **body):
        self._asked += 1
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "*/*", "Accept-Language": "en"}
        if method != "GET" and key != "":
            headers["Idempotency-Key"] = key or f"k-{self._asked}"
        return self._client.open(
            f"/api/pms/1/reservations/{path}", method=method, headers=headers,
            json=None if method == "GET" else body,
        )  # fmt: skip

    def puts(self, reference, hotel, room="801", nights=2, **other):
        day = hotel.today()
        told = {"guest": "Wang", "phone": "13800001234", "arrival": str(day), "departure": str(day + timedelta(nights))}
        return self.asks("PUT", reference, room=room, **told | other)

    def does(self, reference, step, key=None, **body):
        return self.asks("POST", f"{reference}/{step}", key, **body)


@pytest.fixture
def token(hotel, app):
    with db.database.connection_context():
        return staff.systems.connect(hotel.property, "Opera", by=hotel.desk)[1]


@pytest.fixture
def pms(app, token):
    return Pms(app, token)


def code(answer):
    return answer.status_code, answer.json["code"]


def test_a_reservation_from_put_to_check_out(pms, hotel, phone):
    door = Door(hotel.companion("801"))
    made = pms.puts("R-1", hotel)
    assert (made.status_code, made.json["state"], made.json["room"], made.json["stay"]) == (200, "booked", "801", None)
    assert pms.does("R-1", "check-in").json["stay"]["state"] == "in_house"
    key = phone.gets_key(hotel, Stay.get())
    door.hears_newest(hotel, "801")
    assert door.scan(qr(key, hotel), 1_795_453_300) == "open"
    longer = pms.does("R-1", "change", departure=str(hotel.today() + timedelta(4))).json
    assert longer["departure"] == str(hotel.today() + timedelta(4))
    assert longer["stay"]["ends_at"] == f"{hotel.today() + timedelta(4)}T12:00:00+08:00"
    moved = pms.does("R-1", "move", room="802").json["stay"]
    assert (moved["room"], moved["leaving"]) == ("802", "801")
    out = pms.does("R-1", "check-out").json
    assert out["stay"]["state"] == "ended"
    truth = {key["room"]: key["truth"] for key in out["keys"]}
    assert (truth["801"]["kind"], truth["801"]["doors"]) == ("ended_may_open", ["801"])  # the door said nothing yet
    by_pms = {line.verb for line in Audit.select().where(Audit.actor == "pms Opera")}
    assert {"order:enter", "stay:check_in", "stay:reschedule", "stay:move", "stay:check_out"} <= by_pms


@pytest.fixture
def hotel(hotel, time):
    hotel.now_s = time.now_s  # `qr` asks for the time
    return hotel


def test_an_occupied_room_is_a_conflict_that_asks_for_a_person(pms, hotel):
    hotel.checked_in("801", name="Li", phone="")
    before = Order.select().count(), Stay.select().count()
    pms.puts("R-2", hotel)
    answer = pms.does("R-2", "check-in")
    assert code(answer) == (409, "room_needs_person")
    assert "a person at the front desk" in answer.json["do"]
    assert (answer.json["facts"]["guest"], answer.json["facts"]["room"]) == ("Li", "801")
    assert (Order.select().count(), Stay.select().count()) == (before[0] + 1, before[1])  # nothing of it stays
    pms.puts("R-3", hotel, room="802")
    pms.does("R-3", "check-in")
    assert code(pms.does("R-3", "move", room="801")) == (409, "room_occupied")
    assert pms.does("R-2", "check-in", room="803").json["stay"]["room"] == "803"


def test_no_system_evicts_whatever_it_calls(hotel, token):
    sleeper = hotel.checked_in("801")
    draft = hotel.draft("801")
    with pytest.raises(staff.NeedsPerson):
        stays.evict(draft, sleeper=sleeper, by=staff.systems.actor_of(token))
    with pytest.raises(stays.RoomNeedsPerson):
        stays.walk_in(hotel.property, hotel.door("801"), [("Li", "")], departure=hotel.today() + timedelta(1),
                      by=staff.systems.actor_of(token))  # fmt: skip


def test_what_is_sent_twice_is_done_once(pms, hotel):
    for key in ("put", "put"):
        assert pms.asks("PUT", "R-1", key, guest="Wang", arrival=str(hotel.today()),
                        departure=str(hotel.today() + timedelta(1)), room="801").status_code == 200  # fmt: skip
    for step, body in (("check-in", {}), ("move", {"room": "802"}), ("check-out", {})):
        first, again = (pms.does("R-1", step, step, **body) for _ in range(2))
        assert (first.status_code, first.json) == (again.status_code, again.json), step
    assert code(pms.does("R-1", "check-out", "another")) == (409, "stay_ended")
    assert code(pms.does("R-1", "move", "move", room="803")) == (409, "request_reused")
    assert (Order.select().count(), Stay.select().count(), stays.Move.select().count()) == (1, 1, 1)


def test_a_key_of_one_system_is_none_of_another(app, pms, hotel):
    with db.database.connection_context():
        other = Pms(app, staff.systems.connect(hotel.property, "Channel", by=hotel.desk)[1])
    pms.puts("R-1", hotel)
    pms.does("R-1", "check-in", "same")
    assert code(other.does("R-1", "check-in", "same")) == (409, "order_not_open")


def test_a_reservation_changes_with_its_draft_until_somebody_arrived(pms, hotel, phone):
    pms.puts("R-1", hotel, room="801")
    order = Order.get()
    draft = stays.prepare(order, hotel.door("801"), by=hotel.desk)
    phone.gets_key(hotel, draft)
    changed = pms.puts("R-1", hotel, room="802", nights=5, guest="Wang Li").json
    assert (changed["order"], changed["stay"]["room"], changed["stay"]["guests"]) == (order.number, "802", ["Wang Li"])
    key = Key.get()
    assert (key.door.name, key.ends_at, key.state) == ("802", Stay.get().ends_at, "prepared")
    assert Audit.select().where(Audit.verb == "order:change").count() == 1
    pms.puts("R-1", hotel, room="802", nights=5, guest="Wang Li")
    assert Audit.select().where(Audit.verb == "order:change").count() == 1  # nothing was different
    pms.does("R-1", "check-in")
    assert code(pms.puts("R-1", hotel, nights=9)) == (409, "order_not_open")


def test_cancelled_and_not_come(pms, hotel):
    for reference, body in (("R-1", {}), ("R-2", {"no_show": True})):
        pms.puts(reference, hotel)
        assert pms.does(reference, "cancel", **body).json["state"] == ("no_show" if body else "cancelled")
        assert code(pms.does(reference, "check-in")) == (409, "order_not_open")
    assert code(pms.does("R-1", "check-out")) == (409, "stay_not_in")


def test_what_is_wrong_has_a_code_that_stays(pms, hotel):
    day = str(hotel.today())
    good = {"guest": "Wang", "arrival": day, "departure": day}
    assert code(pms.asks("GET", "R-9")) == (404, "not_found")
    assert code(pms.asks("PUT", "R-1", "", **good)) == (400, "bad_field")
    assert code(pms.asks("PUT", "R-1", "x" * 101, **good)) == (400, "bad_field")
    for wrong, said in (
        ({"guest": " "}, "bad_name"), ({"arrival": "soon"}, "bad_dates"), ({"room": "999"}, "not_found"),
        ({"guest": 7}, "bad_field"), ({"room": "Lift"}, "not_a_room"), ({"phone": "x"}, "bad_phone"),
    ):  # fmt: skip
        answer = pms.asks("PUT", "R-1", **good | wrong)
        assert answer.json["code"] == said, wrong
        assert {"code", "what", "do", "facts"} == set(answer.json)
    assert code(pms.asks("PUT", "x" * 41, **good)) == (400, "bad_reference")
    assert code(pms.asks("PUT", "R%20", **good)) == (400, "bad_reference")
    pms.asks("PUT", "R-1", **good)
    assert code(pms.does("R-1", "check-in")) == (400, "bad_field")  # no room was ever named
    pms.does("R-1", "check-in", room="801")
    for body in ({}, {"ends_at": "2026-11-30T12:00:00"}, {"departure": day, "ends_at": f"{day}T23:00:00+08:00"}):
        assert code(pms.does("R-1", "change", **body)) == (400, "bad_dates"), body
    assert code(pms.does("R-1", "change", ends_at=f"{day}T00:30:00+08:00")) == (409, "end_in_past")


def test_what_no_database_takes_is_the_askers_mistake(pms, hotel, token):
    pms.puts("R-1", hotel)
    for room in ("\ud800", "8\x0001"):
        assert code(pms.does("R-1", "check-in", room=room)) == (400, "bad_field")
    assert code(pms.asks("GET", "R%001")) == (404, "not_found")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "deep"}
    deep = '{"a":' * 5_000
    answer = pms._client.put(
        "/api/pms/1/reservations/R-1", data=deep, headers=headers, content_type="application/json"
    )
    assert code(answer) == (400, "bad_field")


def test_another_hotels_reservations_and_rooms_are_not_found(app, pms, hotel, another_hotel):
    pms.puts("R-1", hotel)
    with db.database.connection_context():
        seaside = Pms(app, staff.systems.connect(another_hotel.property, "Opera", by=another_hotel.desk)[1])
    assert code(seaside.asks("GET", "R-1")) == (404, "not_found")
    assert seaside.puts("R-1", another_hotel).json["reference"] == "R-1"  # a reference is the hotel's own
    assert Order.select().where(Order.reference == "R-1").count() == 2


def test_a_token_is_shown_once_kept_hashed_and_ended_at_once(app, pms, hotel, token, another_hotel):
    row = System.get()
    assert token not in json.dumps(row.__data__)
    assert len(row.token_hash) == 64
    with pytest.raises(staff.SystemExists):
        staff.systems.connect(hotel.property, "Opera", by=hotel.desk)
    with pytest.raises(NotFound):
        staff.systems.end(another_hotel.property, "Opera", by=another_hotel.desk)
    assert code(Pms(app, "").asks("GET", "R-1")) == (401, "wrong_token")
    assert code(Pms(app, token + "x").asks("GET", "R-1")) == (401, "wrong_token")
    staff.systems.end(hotel.property, "Opera", by=hotel.desk)
    assert code(pms.asks("GET", "R-1")) == (401, "wrong_token")
    assert [line.verb for line in Audit.select().where(Audit.verb.startswith("system:"))] == [
        "system:connect", "system:end",
    ]  # fmt: skip


def test_who_guesses_tokens_is_slowed(app, pms):
    for _ in range(30):
        assert Pms(app, "guess").asks("GET", "R-1").status_code == 401
    assert code(Pms(app, "guess").asks("GET", "R-1")) == (429, "too_many")


def test_a_system_is_slowed_as_a_whole(pms):
    answers = [pms.asks("GET", "R-1") if n % 2 else pms.does("R-1", "cancel") for n in range(600)]
    assert {answer.status_code for answer in answers} == {404}
    assert code(pms.asks("GET", "R-1")) == (429, "too_many")


def test_every_example_of_the_page_does_what_it_says(app, hotel, token):
    """The curl commands of docs/pms.md, one after the other, with this hotel's token and days."""
    client = app.test_client()
    text = DOCS.read_text("utf-8").replace("$TOKEN", token)
    for number, day in enumerate(("2026-12-01", "2026-12-03", "2026-12-04")):
        text = text.replace(day, str(hotel.today() + timedelta(number)))
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = [words for block in blocks for words in _commands(block) if words[0] == "curl"]
    assert len(commands) >= 8
    seen = set()
    for words in commands:
        method, url, headers, body = _curl(words)
        answer = client.open(urlsplit(url).path, method=method, headers=headers, data=body)
        assert answer.status_code == 200, (words, answer.json)
        seen.add((method, urlsplit(url).path.rsplit("/", 1)[-1]))
    rules = {rule.rule.rsplit("/", 1)[-1] for rule in app.url_map.iter_rules() if rule.endpoint.startswith("pms.")}
    assert rules - {step for _, step in seen} == {"<reference>"}


def _commands(block):
    lines = block.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def _curl(words):
    method, headers, body, url = "GET", {"Content-Type": "application/json"}, None, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, value = next(rest).split(": ", 1)
            headers[name] = value
        elif word in ("-d", "--json"):
            body = next(rest)
        else:
            url = word
    return method, url, headers, body
