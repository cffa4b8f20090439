"""What changes a stay: extended, joined, moved, moved back, checked out and undone, re-keyed; and who walks in."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from tools.hotel.opening import TIMEZONE
from tools.smoke import tokens
from tools.smoke.journeys import OTHER, ROOM, Part
from tools.smoke.people import wait_for
from tools.smoke.pixels import drawn, seen_in
from tools.smoke.report import must

if TYPE_CHECKING:
    from tools.smoke.journey import Journey

_NIGHTS = 3
_HOUR = 3_600
_PAID, _PAID_MINOR = "388.00", 38800


class Staying(Part):
    """Dora and her joiners, in 801 and 802; Gus walks in."""

    STEPS: ClassVar[list[str]] = [
        "extend", "carry_link", "joiner", "joiner_removed", "move_grace", "move_at_once", "move_back",
        "undo_check_out", "rekey", "walk_in", "shorten",
    ]  # fmt: skip

    def __init__(self, walk: Journey) -> None:
        super().__init__(walk)
        self.dora = self.person("Dora Klein", "13600000801")
        self.eve = self.person("Eve Stone", "13600000802")
        self.finn = self.person("Finn Moore", "13600000803")
        self._id = 0

    def _extend(self) -> None:
        self._id = self.walk.stays["dora"] = self.clerk.whole_check_in(self.dora, ROOM)
        held, before = self.code(self.dora), self.stay(self._id)
        self.opens(ROOM, held)
        day = datetime.fromtimestamp(self.walk.now(), ZoneInfo(TIMEZONE)).date() + timedelta(days=_NIGHTS)
        self.clerk.does(f"/desk/stays/{self._id}/extend", departure=day.isoformat())
        after, key = self.stay(self._id), self.key(self.dora.key_id)
        must(after["ends_at"] > before["ends_at"], f"the stay ends at {after['ends_at']}, before {before['ends_at']}")
        must(after["generation"] == before["generation"], f"the generation changed: {before} {after}")
        must((key["state"], key["ends_at"]) == ("active", after["ends_at"]), f"the key is {key}")
        self.opens(ROOM, held)
        must(tokens.read(self.code(self.dora)).key_id == tokens.read(held).key_id, "the phone got another key")

    def _carry_link(self) -> None:
        """Dora takes her card to a second browser, by the link in the pixels of its code; nobody else can."""
        page = self.dora.browser.submit(self.dora.browser.get("/g/carry"), "/g/carry")
        link = re.search(r'data-link="([^"]+)"', page.answer.text)
        must(link, f"the page shows no link: {page.text[:300]}")
        address = seen_in(drawn(html.unescape(link[1]) if link else ""))
        second, late = self.person("Dora's tablet", ""), self.person("A stranger", "")
        asked = second.browser.get(address)
        must(all(words in asked.text for words in (str(ROOM), self.dora.name)), f"nobody is named: {asked.text[:300]}")
        late.browser.get(address)
        second.browser.submit(asked, r"/g/carry/[^/]+")
        must(late.browser.get(address, expect=410).status == 410, "the link works twice")
        must(not late.sheaf(), "a stranger was given cards")
        self.opens(ROOM, self.code(second))
        self.code(self.dora)
        must(second.key_id == self.dora.key_id, f"the tablet shows key {second.key_id}, the phone {self.dora.key_id}")

    def _joiner(self) -> None:
        self.clerk.add_guest(self._id, self.eve.name)
        self.clerk.authorise(self._id, self.eve)
        code = self.code(self.eve)
        must(tokens.read(code).generation == self.stay(self._id)["generation"], "the joiner's token differs in age")
        must(self.key(self.eve.key_id)["state"] == "active", "the joiner's key is not active")
        self.opens(ROOM, code)
        self.opens(ROOM, self.code(self.dora))

    def _joiner_removed(self) -> None:
        code = self.code(self.eve)
        guest = self.row("SELECT id FROM guest WHERE stay_id = ? AND name = ?", self._id, self.eve.name)["id"]
        self.clerk.does(f"/desk/guests/{guest}/remove")
        self.shut(ROOM, code, "revoked")
        self.opens(ROOM, self.code(self.dora))
        must(self.row("SELECT removed_at FROM guest WHERE id = ?", guest)["removed_at"], "the joiner is still there")
        must(self.key(self.eve.key_id)["state"] == "ended", "the joiner's key has not ended")
        must(not any(card.slots for card in self.eve.sheaf()), "the joiner's phone is still served tokens")

    # --- moves

    def _move(self, to: int, when: str) -> None:
        self.clerk.does(f"/desk/stays/{self._id}/move", room=str(to), when=when)
        must(self.stay(self._id)["room"] == to, f"the stay is in {self.stay(self._id)['room']}, not in {to}")

    def _last_move(self) -> str:
        found = self.row("SELECT how FROM move WHERE stay_id = ? ORDER BY id DESC LIMIT 1", self._id)
        return str(found["how"])

    def _move_grace(self) -> None:
        self.clerk.check_out(self.walk.stays["cleo"])
        old = self.code(self.dora)
        self._move(OTHER, "grace")
        new = self.code(self.dora, OTHER)
        self.door(OTHER).comes_in_step(15)
        self.opens(ROOM, old)
        must(self._last_move() == "", f"the move has ended before the new room was opened: {self._last_move()}")
        self.opens(OTHER, new)
        wait_for(lambda: self._last_move() == "opened", 10, lambda: f"the move is {self._last_move()!r}, not 'opened'")
        self.shut(ROOM, old, "revoked")
        must(self.key(tokens.read(old).key_id)["end_reason"] == "moved", "the old room's key did not end by the move")
        self.opens(OTHER, new)

    def _move_at_once(self) -> None:
        old = self.code(self.dora)
        self._move(ROOM, "at_once")
        must(self._last_move() == "at_once", f"the move is {self._last_move()!r}, not 'at_once'")
        self.shut(OTHER, old, "revoked")
        self.opens(ROOM, self.code(self.dora))

    def _move_back(self) -> None:
        held = self.code(self.dora)
        self._move(OTHER, "grace")
        newer = self.code(self.dora, OTHER)
        self.clerk.does(f"/desk/stays/{self._id}/move-back")
        must((self.stay(self._id)["room"], self._last_move()) == (ROOM, "back"), f"the move is {self._last_move()!r}")
        self.shut(OTHER, newer, "revoked")
        self.opens(ROOM, held)
        must(tokens.read(self.code(self.dora)).key_id == tokens.read(held).key_id, "the first key was not kept")

    # --- keys made anew

    def _undo_check_out(self) -> None:
        old, before = self.code(self.dora), self.stay(self._id)
        self.clerk.check_out(self._id)
        self.shut(ROOM, old, "revoked")
        self.clerk.does(f"/desk/stays/{self._id}/undo-check-out")
        after = self.stay(self._id)
        must((after["state"], after["generation"]) == ("in_house", before["generation"] + 1), f"the stay is {after}")
        new = self.code(self.dora)
        must(tokens.read(new).key_id != tokens.read(old).key_id, "the ended key lives again")
        self.shut(ROOM, old, "revoked")
        self.opens(ROOM, new)

    def _rekey(self) -> None:
        self.clerk.add_guest(self._id, self.finn.name)
        self.clerk.authorise(self._id, self.finn)
        lost, kept, before = self.code(self.dora), self.code(self.finn), self.stay(self._id)
        guest = self.row("SELECT id FROM guest WHERE stay_id = ? AND name = ?", self._id, self.dora.name)["id"]
        self.clerk.does(f"/desk/stays/{self._id}/rekey", lost=str(guest))
        must(self.stay(self._id)["generation"] == before["generation"] + 1, "the room has no new generation")
        must(self.key(tokens.read(lost).key_id)["end_reason"] == "lost", "the lost phone's key did not end as lost")
        self.shut(ROOM, lost, "revoked")
        self.shut(ROOM, kept, "revoked")
        must(not any(card.slots for card in self.dora.sheaf()), "the lost phone is still served tokens")
        self.opens(ROOM, self.code(self.finn))
        dora = self.walk.dora = self.person(self.dora.name, "13600000899")
        self.clerk.authorise(self._id, dora)
        self.opens(ROOM, self.code(dora))

    def _walk_in(self) -> None:
        gus = self.walk.gus = self.person("Gus Lind", "13600000804")
        blank = ["", "", ""]
        page = self.clerk.does("/desk/walk-in", room=str(OTHER), amount=_PAID, method="cash",
                               name=[gus.name, *blank], phone=[gus.phone, *blank])
        stay = self.walk.stays["gus"] = int(page.path.rpartition("/")[2])
        must((self.stay(stay)["state"], self.stay(stay)["room"]) == ("in_house", OTHER), f"the stay: {self.stay(stay)}")
        paid = self.row("SELECT amount_minor, currency, method FROM payment WHERE stay_id = ?", stay)
        must(paid == {"amount_minor": _PAID_MINOR, "currency": "CNY", "method": "cash"}, f"the payment is {paid}")
        must(_PAID in page.text, f"the stay's page does not show the payment: {page.text[:400]}")
        self.clerk.authorise(stay, gus)
        self.door(OTHER).comes_in_step(15)
        self.opens(OTHER, self.code(gus))

    def _shorten(self) -> None:
        """Gus leaves in an hour: what his phone holds of the time after is refused once that hour is over."""
        gus, stay = self.walk.gus, self.walk.stays["gus"]
        held, before = gus.card(), self.stay(stay)
        self.opens(OTHER, self.code(gus))
        leaves = datetime.fromtimestamp(self.walk.now() + _HOUR, ZoneInfo(TIMEZONE)).replace(second=0)
        self.clerk.does(f"/desk/stays/{stay}/extend", departure=leaves.date().isoformat(), time=f"{leaves:%H:%M}")
        after = self.stay(stay)
        must(after["ends_at"] == int(leaves.timestamp()) * 1000, f"the stay ends at {after['ends_at']}")
        must(after["generation"] == before["generation"], f"the generation changed: {before} {after}")
        self.opens(OTHER, self.code(gus))
        self.walk.advance(_HOUR + 60)
        key_id = tokens.read(held.slots[0][2]).key_id
        wait_for(lambda: self.key(key_id)["state"] == "ended", 15, lambda: f"the key is {self.key(key_id)}")
        self.shut(OTHER, held.at(self.walk.now())[2], "revoked")
        must(not any(card.slots for card in gus.sheaf()), "the phone is still served tokens after the new end")
        day = datetime.fromtimestamp(self.walk.now(), ZoneInfo(TIMEZONE)).date() + timedelta(days=1)
        self.clerk.does(f"/desk/stays/{stay}/extend", departure=day.isoformat())  # he stays after all: a new key
        self.door(OTHER).comes_in_step(15)
        self.opens(OTHER, self.code(gus))
