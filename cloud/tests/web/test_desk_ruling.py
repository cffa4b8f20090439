"""A door's mode, hours and zones, a companion that is down, the clocks: set on pages by those who may, and audited."""

from __future__ import annotations

import json

import pytest

from lockmate import clock, doors, staff
from lockmate.doors import Companion, DoorRules, Revocation, policies
from lockmate.properties import Door, Zone
from lockmate.staff import Audit
from lockmate.stays import bounds


@pytest.fixture
def manager(browser, hotel):
    staff.create_account(hotel.property, "mei", "correct horse", "manager", language="en")
    mei = browser()
    mei.logs_in("mei")
    return mei


def told(hotel, name):
    """What the door's newest policy says."""
    return json.loads(bytes(policies.newest(hotel.door(name)).body))


def in_hours(hotel, hours):
    return bounds.local(hotel.property, clock.now_ms() + hours * 3_600_000)


def lines(verb):
    return [(line.actor, line.subject) for line in Audit.select().where(Audit.verb == verb).order_by(Audit.id)]


def test_a_mode_is_set_until_an_end_renewed_while_wanted_and_lapses(manager, hotel, time):
    assert "Lockdown" in manager.get("/desk/doors/9001/mode").text
    until = in_hours(hotel, 60)
    page = manager.post("/desk/doors/9001/mode", mode="lockdown", until=f"{until:%Y-%m-%dT%H:%M}")
    assert "Lift: Lockdown." in page.text
    assert f"until {until.day}" in page.text or f"{until:%H:%M}" in page.text
    first = told(hotel, "Lift")
    assert (first["mode"], first["mode_until"]) == ("lockdown", clock.now_s() + 86_400)  # a day at most
    time.passes(hours=13)
    assert doors.tend() >= 1
    assert told(hotel, "Lift")["mode_until"] == clock.now_s() + 86_400
    time.passes(hours=48)
    assert doors.ruling.wanted(hotel.door("Lift")).mode == "normal"
    assert 'class="tag good">Normal' in manager.get("/desk/doors/9001").text
    assert lines("door:set_rules") == [("mei", "door 9001")]


@pytest.mark.parametrize("form", [
    {"mode": "lockdown", "until": "2026-11-01T00:00"}, {"mode": "lockdown", "until": ""}, {"mode": "ajar", "until": ""},
])
def test_a_mode_without_an_end_to_come_is_refused(manager, hotel, form):
    manager.get("/desk/doors/801/mode")
    assert manager.post("/desk/doors/801/mode", **form).status_code == 400
    assert doors.ruling.wanted(hotel.door("801")).mode == "normal"


def test_normal_ends_a_mode_at_once(manager, hotel):
    doors.set_rules(hotel.door("801"), mode="passage", mode_until=clock.now_s() + 600, by=hotel.desk)
    manager.get("/desk/doors/801/mode")
    assert "801: Normal." in manager.post("/desk/doors/801/mode", mode="normal").text
    assert told(hotel, "801")["mode"] == "normal"


def test_hours_are_those_of_the_week_and_renewed(manager, hotel, time):
    manager.get("/desk/doors/9001/hours")
    week = {"days-0": ["0", "1", "2", "3", "4"], "begins-0": "07:00", "ends-0": "22:00",
            "days-1": ["5", "6"], "begins-1": "08:00", "ends-1": "24:00", "begins-2": "01:00"}  # fmt: skip
    page = manager.post("/desk/doors/9001/hours", **week)
    assert "Mon, Tue, Wed, Thu, Fri: 07:00–22:00" in page.text
    assert "Sat, Sun: 08:00–24:00" in page.text
    said = told(hotel, "Lift")["schedule"]
    assert all(begins < ends for begins, ends in said)
    assert DoorRules.get(DoorRules.door == hotel.door("Lift")).renew_at is not None
    time.passes(days=6)
    doors.tend()
    assert told(hotel, "Lift")["schedule"][-1][0] > said[-1][0]
    form = manager.get("/desk/doors/9001/hours").text
    assert form.count("checked") == 7
    assert "no hours any more" in manager.post("/desk/doors/9001/hours").text
    assert told(hotel, "Lift")["schedule"] == []


@pytest.mark.parametrize(
    ("begins", "ends"), [("7", "22:00"), ("07:00", ""), ("25:00", "26:00"), ("24:00", "07:00"), ("07:00", "08Z")]
)
def test_times_that_are_none_are_refused(manager, hotel, begins, ends):
    manager.get("/desk/doors/9001/hours")
    form = {"days-0": ["0"], "begins-0": begins, "ends-0": ends}
    assert manager.post("/desk/doors/9001/hours", **form).status_code == 400
    assert doors.ruling.wanted(hotel.door("Lift")).hours == []


def test_zones_are_picked_by_name(manager, hotel):
    Zone.create(property=hotel.property, bit=1, name="Staff")
    form = manager.get("/desk/doors/801/zones").text
    assert "Guests" in form
    assert "Zone 8" in form  # it lies in one that has no name
    page = manager.post("/desk/doors/801/zones", zone=["0", "1"])
    assert "Guests, Staff" in page.text
    assert (Door.get_by_id(hotel.door("801").id).zones, told(hotel, "801")["zones"]) == (3, [0, 1])
    for bad in ("32", "-1", "x"):
        assert manager.post("/desk/doors/801/zones", zone=[bad]).status_code == 400
    assert Door.get_by_id(hotel.door("801").id).zones == 3
    assert lines("door:set_zones") == [("mei", "door 801")]


def test_a_companion_is_retired_only_by_who_says_that_it_is_down(manager, hotel, another_hotel):
    board = hotel.companion("801").row
    address = f"/desk/doors/801/companions/{board.id}/retire"
    assert address in manager.get("/desk/doors/801").text
    assert "goes on opening" in manager.get(address).text
    assert manager.post(address).status_code == 400
    assert Companion.get_by_id(board.id).state == "in_service"
    assert "is out of service" in manager.post(address, down="yes").text
    assert Companion.get_by_id(board.id).state == "retired"
    assert [row.serial for row in Revocation.select()] == [board.certificate_serial]
    assert manager.post(address, down="yes").status_code == 404
    other = another_hotel.companion("802", "seaside-802").row
    assert manager.post(f"/desk/doors/802/companions/{other.id}/retire", down="yes").status_code == 404
    assert lines("companion:retire") == [("mei", f"companion {board.companion_id}")]


def test_clocks_begin_anew_after_a_question(manager, hotel):
    assert "Only after the server" in manager.get("/desk/fitting").text
    assert "gets the time by itself" in manager.get("/desk/fitting/clocks").text
    assert {rules.clock_epoch for rules in DoorRules.select()} <= {0}
    assert "Every door is told" in manager.post("/desk/fitting/clocks").text
    assert {told(hotel, name)["clock_epoch"] for name in ("801", "Lift")} == {1}
    assert lines("door:repair_clock") == [("mei", f"property {hotel.property.property_id}")]


def test_who_may_not_sees_no_button_and_is_refused(desk, browser, hotel):
    board = hotel.companion("801").row
    page = desk.get("/desk/doors/801").text
    for step in ("mode", "hours", "zones", f"companions/{board.id}/retire"):
        assert f"/desk/doors/801/{step}" not in page
        assert desk.get(f"/desk/doors/801/{step}").status_code == 403
        assert desk.post(f"/desk/doors/801/{step}", mode="normal", down="yes").status_code == 403
    assert desk.post("/desk/fitting/clocks").status_code == 403
    staff.create_account(hotel.property, "ivo", "correct horse", "installer", language="en")
    ivo = browser()
    ivo.logs_in("ivo")
    assert ivo.get("/desk/doors/801/mode").status_code == 200
    assert ivo.get("/desk/fitting/clocks").status_code == 403  # one hotel's every door: the manager's
    assert Companion.get_by_id(board.id).state == "in_service"


def test_what_is_sent_twice_is_told_once(manager, hotel):
    manager.get("/desk/doors/801/mode")
    before = policies.newest(hotel.door("801"))
    until = f"{in_hours(hotel, 3):%Y-%m-%dT%H:%M}"
    for _ in range(2):
        manager.post("/desk/doors/801/mode", mode="passage", until=until, request="same")
    assert lines("door:set_rules") == [("mei", "door 801")]
    assert before is None or policies.newest(hotel.door("801")).version > before.version
