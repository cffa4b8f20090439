"""The main job, step by step: each asserts the bolt, the journal and the database, not one of them."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

from tools.hotel.house import INGEST_READY
from tools.hotel.opening import NAME
from tools.processes import Processes
from tools.smoke import tokens
from tools.smoke.books import Books
from tools.smoke.door import SmokeDoor
from tools.smoke.doorways import Doorways
from tools.smoke.paperwork import Mailbox, Paperwork
from tools.smoke.people import Card, Clerk, Guest
from tools.smoke.report import Report, must
from tools.smoke.staying import Staying

if TYPE_CHECKING:
    from tools.hotel.house import House

_MAIN = [
    "start", "order", "claim", "issue", "check_in", "qr_opens", "record_at_desk", "common_door", "card_open", "junk",
    "offline_opens", "offline_wrong_door", "offline_forged", "offline_expired", "broker_back", "superseded",
    "check_out",
]  # fmt: skip
LAST = "complete"
STEPS = [*_MAIN, *Staying.STEPS, *Doorways.STEPS, *Paperwork.STEPS, LAST]
_ROOM, _OTHER, _GYM = 801, 802, 9001
_JUNK = 60
_AFTER_PULSE = 15  # s


class Journey:
    """One walk through the hotel: the main job first, then what the front desk and the guests do beside it."""

    STEPS = _MAIN

    def __init__(self, house: House, processes: Processes, report: Report) -> None:
        self.house = house
        self.processes = processes
        self.report = report
        self.books = Books(house.database)
        self.doors: dict[int, SmokeDoor] = {}
        self.suite: list[SmokeDoor] = []
        self.broker = house.broker()
        self._offset_ms = 0
        self._clerk: Clerk | None = None
        self.ada = Guest(house.web_url, "Ada Lovelace", "13800138000")
        self.bo = Guest(house.web_url, "Bo Chen", "13912345678")
        self.cleo = Guest(house.web_url, "Cleo Diaz", "13755550123")
        self.delivery = house.worker("delivery")
        self._parts = (Staying(self), Doorways(self), Paperwork(self))
        self.stays: dict[str, int] = {}
        self.mailbox = Mailbox(house.mail_port)
        # who stays on from one part to the next
        self.dora = self.gus = self.ada
        self._cards: dict[str, Card] = {}

    def walk(self) -> None:
        """Every step in turn; the first that fails ends it (Halt)."""
        for part in (self, *self._parts):
            for name in part.STEPS:
                with self.report.step(name):
                    getattr(part, f"_{name}")()
        with self.report.step(LAST):
            self._complete()

    def close(self) -> None:
        """End the doors and browsers."""
        for door in self.companions:
            door.stop()
        for part in self._parts:
            part.close()
        self.mailbox.close()
        for guest in (self.ada, self.bo, self.cleo):
            guest.browser.close()
        if self._clerk is not None:
            self._clerk.browser.close()

    # --- time, people, doors

    def now(self) -> float:
        """The cloud's time."""
        return time.time() + self._offset_ms / 1000

    def advance(self, seconds: int) -> None:
        """Move the cloud's test clock and every door's clock."""
        self._offset_ms += seconds * 1000
        if self.house.clock is not None:
            self.house.clock.write_text(str(self._offset_ms), "ascii")
        for door in self.companions:
            door.companion.advance(seconds * 1000)

    @property
    def companions(self) -> list[SmokeDoor]:
        """Every companion; a suite has two."""
        return [*self.doors.values(), *self.suite]

    @property
    def clerk(self) -> Clerk:
        """The clerk, once logged in."""
        if self._clerk is None:
            self._clerk = Clerk(self.house.web_url, self.now)
            self._clerk.log_in()
        return self._clerk

    def held(self, guest: Guest) -> str:
        """What the guest's phone shows now, from the sheaf it holds."""
        return self._cards[guest.name].at(self.now())[2]

    def _in_database(self, question: str, *values: object) -> list[dict[str, object]]:
        return self.books.rows(question, *values)

    # --- the steps

    def _start(self) -> None:
        house = self.house
        self.mailbox.open()
        house.prepare(arrivals=False, suite=True)
        self.processes.start(self.broker)
        self.broker.wait_for_port(house.broker_port)
        web, ingest = house.web(), house.worker("ingest")
        for process in (ingest, web, self.delivery):
            self.processes.start(process)
        for entry in json.loads((house.data / "doors.json").read_text("utf-8")):
            door = SmokeDoor(entry, house.data, house.broker_port, self.books)
            if door.number in self.doors:
                self.suite.append(door)
            else:
                self.doors[door.number] = door
        ingest.wait_for_line(INGEST_READY)
        for door in self.companions:
            door.start()
        web.wait_for_port(house.web_port, 30)
        for door in self.companions:
            door.comes_in_step(25)
        must(self._in_database("SELECT id FROM property WHERE name = ?", NAME), "the demo property is not there")

    def _order(self) -> None:
        page = self.clerk.enter_order(self.ada, _ROOM)
        must(self.ada.name in self.clerk.browser.get("/desk/arrivals").text, "the order is not among the arrivals")
        self.stays["ada"] = self.clerk.prepare(page, _ROOM)
        rows = self._in_database('SELECT state FROM stay WHERE id = ?', self.stays["ada"])
        must(rows and rows[0]["state"] == "draft", f"the stay is {rows}, not a draft")

    def _claim(self) -> None:
        self.ada.claim(self.clerk.desk_qr())
        claims = self.clerk.claims_page(self.stays["ada"])
        must(self.ada.code in claims.text, f"the desk does not show code {self.ada.code}: {claims.text[:300]}")

    def _issue(self) -> None:
        compare = self.clerk.pick(self.clerk.claims_page(self.stays["ada"]), self.ada)
        form = compare.form(r"/desk/guests/\d+/authorise")
        wrong = self.clerk.browser.post(compare.path, {**form.fields, "last4": "0000"})
        must(wrong.status in {400, 409, 422}, f"wrong last four digits answered {wrong.status}")
        must(not self._in_database("SELECT id FROM key"), "a key was issued for wrong digits")
        self.clerk.issue(compare)
        rows = self._in_database("SELECT key_id, state FROM key")
        must([row["state"] for row in rows] == ["prepared"], f"keys after the issue: {rows}")
        self.ada.key_id = str(rows[0]["key_id"])
        must(not any(card.slots for card in self.ada.sheaf()), "a token was minted before the check-in")

    def _check_in(self) -> None:
        room = self.doors[_ROOM]
        self.clerk.check_in(self.stays["ada"])
        rows = self._in_database("SELECT state, generation FROM stay WHERE id = ?", self.stays["ada"])
        must(rows[0]["state"] == "in_house", f"the stay is {rows}")
        room.comes_in_step(10)
        card = self._cards[self.ada.name] = self.ada.card()
        token = tokens.read(self.held(self.ada))
        must((token.key_id, token.door, token.generation) == (self.ada.key_id, _ROOM, rows[0]["generation"]),
             f"the token says {token}, the stay {rows}")
        public = self.books.issuer_keys()[token.slot]
        must(token.signed_by(public, room.property_id), "the token's signature is not the property's")
        must(card.room == str(_ROOM), f"the card is for {card.room}")
        # meanwhile another guest moves in next door, for the steps to come
        self.stays["bo"] = self.clerk.whole_check_in(self.bo, _OTHER)
        self._cards[self.bo.name] = self.bo.card()
        self.bo.key_id = tokens.read(self.held(self.bo)).key_id

    def _qr_opens(self) -> None:
        self.doors[_ROOM].opens_for(self.held(self.ada), self.ada.key_id)

    def _record_at_desk(self) -> None:
        room = self.doors[_ROOM]
        room.comes_home("opened", key_id=self.ada.key_id)
        shown = self.clerk.door_events(_ROOM)
        must(self.ada.name in shown, f"the desk's page of door {_ROOM} does not name {self.ada.name}: {shown[:600]}")

    def _common_door(self) -> None:
        gym = self.doors[_GYM]
        gym.opens_for(self.held(self.ada), self.ada.key_id)
        gym.comes_home("opened", key_id=self.ada.key_id)

    def _card_open(self) -> None:
        room = self.doors[_ROOM]
        self.advance(_AFTER_PULSE)  # while our own pulse moves the lock, its card can't be told from it
        room.bolt_is_shut()
        before, shown = room.companion.opens, len(self.clerk.door_events(_ROOM))
        room.companion.sense("motor", 1)
        room.comes_home("card_open", card=None)
        room.companion.sense("motor", 0)
        must(room.companion.opens == before, f"door {_ROOM}: the companion moved the bolt for an IC card")
        must(len(self.clerk.door_events(_ROOM)) > shown, f"the desk's page of door {_ROOM} shows no card open")

    def _junk(self) -> None:
        room = self.doors[_ROOM]
        before, known = room.companion.opens, self.books.companion(room.companion_id)
        noise = random.Random(7)
        for _ in range(_JUNK):
            room.companion.scanner_bytes(bytes(noise.randrange(256) for _ in range(noise.randrange(300))) + b"\r")
        room.companion.scanner_bytes(b"HK1:" * 500 + b"\r")
        room.companion.scan("HK1:" + "0" * 147)
        room.comes_home("refused", verdict="malformed")
        must(room.companion.opens == before, f"door {_ROOM}: junk moved the bolt")
        after = self.books.companion(room.companion_id)
        same = ("policy_version", "policy_hash", "generation", "log")
        changed = {name: (known[name], after[name]) for name in same if known[name] != after[name]}
        must(not changed, f"junk changed what the door believes: {changed}")
        mark = room.companion.mark()
        room.companion.scan(self.held(self.ada))
        room.companion.wait(lambda seen: seen.get("verdict") == "open", 10, since=mark)
        must(room.companion.opens == before + 1, f"door {_ROOM}: after junk the guest's code does not open")

    def _offline_opens(self) -> None:
        room = self.doors[_ROOM]
        room.all_home()
        self.broker.stop()
        stored = len(room.events())
        room.opens_for(self.held(self.ada), self.ada.key_id)
        must(len(room.events()) == stored, "an event reached the database although the broker is stopped")
        last = room.journal()[-1]
        must(last["kind"] == "opened", f"door {_ROOM}: the journal ends with {last}")

    def _offline_wrong_door(self) -> None:
        self.doors[_ROOM].refuses(self.held(self.bo), "wrong_door")

    def _offline_forged(self) -> None:
        self.doors[_ROOM].refuses(tokens.tampered(self.held(self.ada)), "forged")

    def _offline_expired(self) -> None:
        room = self.doors[_ROOM]
        old = self._cards[self.ada.name].at(self.now())
        self.advance(int(old[1] - self.now()) + 30)
        room.refuses(old[2], "expired")
        room.opens_for(self.held(self.ada), self.ada.key_id)

    def _broker_back(self) -> None:
        self.broker.start()
        self.broker.wait_for_port(self.house.broker_port)
        for door in self.companions:
            door.all_home()
        room = self.doors[_ROOM]
        for verdict in ("wrong_door", "forged", "expired"):
            must(room.told("refused", verdict=verdict), f"door {_ROOM}: no {verdict} event came home")
        must(self.books.disputed() == 0, f"{self.books.disputed()} lines were not let into the trail")

    def _superseded(self) -> None:
        other = self.doors[_OTHER]
        other.opens_for(self.held(self.bo), self.bo.key_id)
        other.cable.pull()
        held = other.policy
        self.clerk.check_out(self.stays["bo"])
        self.stays["cleo"] = self.clerk.whole_check_in(self.cleo, _OTHER)
        self._cards[self.cleo.name] = self.cleo.card()
        self.cleo.key_id = tokens.read(self.held(self.cleo)).key_id
        must(self.books.newest_policy(_OTHER) > held, f"no newer policy was signed for door {_OTHER}")
        other.opens_for(self.held(self.cleo), self.cleo.key_id)
        other.refuses(self.held(self.bo), "superseded", key_id=self.bo.key_id)
        must(other.policy == held and not other.in_step(), f"door {_OTHER} has heard of the change: {other.belief()}")
        other.cable.plug()

    def _check_out(self) -> None:
        room, gym = self.doors[_ROOM], self.doors[_GYM]
        code = self.held(self.ada)
        self.clerk.check_out(self.stays["ada"])
        for door in (room, gym):
            door.comes_in_step(15)
            door.refuses(code, "revoked", key_id=self.ada.key_id)
            door.comes_home("refused", verdict="revoked", key_id=self.ada.key_id)
        rows = self._in_database("SELECT state FROM key WHERE key_id = ?", self.ada.key_id)
        must(rows[0]["state"] == "ended", f"the key is {rows}")
        must(not any(card.slots for card in self.ada.sheaf()), "the phone is still served tokens after the check-out")

    def _complete(self) -> None:
        for door in self.companions:
            door.all_home(40)
        must(self.books.disputed() == 0, f"{self.books.disputed()} lines were not let into the trail")
        must(self.doors[_OTHER].told("refused", verdict="superseded"), "the superseded scan is not in the trail")
