"""At the doors: stickers, opens from the desk, messages sent again, staff keys, reset tokens, a suite, power cuts."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, ClassVar

from tools.hotel import chromium
from tools.hotel.opening import ACCOUNT, PASSWORD
from tools.smoke import tokens
from tools.smoke.journeys import GYM, OTHER, ROOM, Part
from tools.smoke.people import wait_for
from tools.smoke.pixels import drawn, seen_in
from tools.smoke.redelivery import publish
from tools.smoke.report import must

if TYPE_CHECKING:
    from tools.smoke.people import Guest

_FLOOR = 1
_BURST = 30


class Doorways(Part):
    """Gus stays in 802, Dora and Finn in 801, the suite."""

    STEPS: ClassVar[list[str]] = [
        "sticker", "sticker_stranger", "sticker_offline", "desk_open", "open_redelivered", "policies_redelivered",
        "staff_key", "printed_set", "reset_token", "suite", "power_cut",
    ]  # fmt: skip

    # --- the sticker

    def _place(self, number: int) -> str:
        return f"/g/d/{self.door(number).property_id.hex()}/{number}"

    def _holds_button(self, guest: Guest) -> dict[str, Any]:
        """Scan the sticker of 802 and hold the button: what the page is answered first."""
        printed = html.unescape(self.walk.clerk.browser.get("/desk/stickers").answer.text)
        address = re.search(rf'data-address="([^"]+{re.escape(self._place(OTHER))})"', printed)
        must(address, f"the desk prints no sticker for door {OTHER}")
        page = guest.browser.get(seen_in(drawn(address[1] if address else "")))
        place = re.search(r'data-open="([^"]+)" data-token="([^"]+)"', page.answer.text)
        must(place, f"the sticker's page has no button: {page.text[:300]}")
        told: dict[str, Any] = {}
        if place:
            told = guest.browser.ask(html.unescape(place[1]), html.unescape(place[2])).json()
        return told

    def _newest_open(self) -> dict[str, Any]:
        return self.row("SELECT o.*, d.number FROM remote_open o JOIN door d ON d.id = o.door_id"
                        " ORDER BY o.id DESC LIMIT 1")

    def _sticker(self) -> None:
        gus, door = self.walk.gus, self.door(OTHER)
        door.bolt_is_shut()
        before = door.companion.opens
        asked = self._holds_button(gus)
        must(asked["state"] == "waiting", f"the page was told {asked}")

        def answer() -> str:
            return str(gus.browser.get(asked["ask"], accept="application/json").json()["state"])

        wait_for(lambda: answer() != "waiting", 10, lambda: "the sticker's page still waits for the door")
        must(answer() == "opened", f"the sticker's page says {answer()}")
        row = self._newest_open()
        must((row["number"], row["answer"]) == (OTHER, "opened"), f"the database has {row}")
        must(door.companion.opens == before + 1, f"the bolt moved {door.companion.opens - before} times")
        door.comes_home("opened", key_id=row["key_id"], road="mqtt")
        must(gus.name in self.clerk.door_events(OTHER), "the desk's page of the door does not say who opened")

    def _sticker_stranger(self) -> None:
        stranger, dora, door = self.person("A stranger", "13600000666"), self.walk.dora, self.door(OTHER)
        before, last = door.companion.opens, self._newest_open()["id"]
        for person in (stranger, dora):
            page = person.browser.get(self._place(OTHER), expect=403)
            must("data-open" not in page.answer.text and str(OTHER) not in page.text, f"{person.name} sees {page.text}")
            token = re.search(r'name="csrf_token" value="([^"]+)"', page.answer.text)
            asked = person.browser.ask(f"{self._place(OTHER)}/open", html.unescape(token[1]) if token else "")
            must(asked.status == 403 and asked.json()["state"] == "refused", f"{person.name} is told {asked.status}")
        must(self._newest_open()["id"] == last, "a remote open was written for a stranger")
        must(door.companion.opens == before, "the bolt moved for a stranger")

    def _sticker_offline(self) -> None:
        gus, door = self.walk.gus, self.door(OTHER)
        code, last = self.code(gus), self._newest_open()["id"]
        door.goes_off_line()
        told = self._holds_button(gus)
        must(told["state"] == "offline", f"the page of a door that is off line was told {told}")
        must(self._newest_open()["id"] == last, "a door that is off line was asked to open")
        door.opens_for(code, gus.key_id)
        door.comes_on_line()

    # --- from afar, and again

    def _opened_from_desk(self, number: int) -> dict[str, Any]:
        """Press "Open now" with a reason, and wait for the door's own answer."""
        doors = self.at(number)
        before = [door.companion.opens for door in doors]
        self.clerk.does(f"/desk/doors/{number}/open", reason="phone_empty", words="seen at the desk")
        wait_for(lambda: self._newest_open()["answer"], 10, lambda: f"no answer to {self._newest_open()}")
        row = self._newest_open()
        must((row["number"], row["answer"]) == (number, "opened"), f"the database has {row}")
        for door, count in zip(doors, before, strict=True):
            door.comes_home("opened", key_id=row["key_id"], road="mqtt")
            pulses = door.companion.opens - count
            must(pulses == 1, f"{door.companion_id}: {pulses} pulses for one remote open")
        return row

    def _desk_open(self) -> None:
        row = self._opened_from_desk(OTHER)
        must("seen at the desk" in row["reason"], f"the reason is {row['reason']!r}")
        written = self.row("SELECT actor, details FROM audit WHERE verb = 'door:open' ORDER BY id DESC LIMIT 1")
        must(row["actor"] == written["actor"] and row["key_id"] in written["details"], f"the audit trail has {written}")

    def _open_redelivered(self) -> None:
        row, door = self._newest_open(), self.door(OTHER)
        self._comes_again()
        door.comes_home("refused", verdict="already_used", road="mqtt", key_id=row["key_id"])
        must(self._newest_open()["answer"] == "opened", "the refusal of the second one replaced the first one's answer")

    def _comes_again(self, *before: tuple[str, bytes]) -> None:
        """Send messages to 802, and then its last remote open as it was sent: that one must be found used."""
        door = self.door(OTHER)
        sent = self.row("SELECT address, payload FROM outbox WHERE channel = 'mqtt' AND address = ?"
                        " ORDER BY id DESC LIMIT 1", f"lm/1/{door.companion_id}/down/open")
        door.bolt_is_shut()
        opens, mark = door.companion.opens, door.companion.mark()
        publish(self.walk.house, self.walk.delivery, *before, (sent["address"], bytes(sent["payload"])))
        verdict = door.companion.wait(lambda seen: "verdict" in seen, 10, since=mark)["verdict"]
        must(verdict == "already_used", f"the same open, sent again, is {verdict}")
        must(door.companion.opens == opens, "the same open, sent again, moved the bolt")

    def _policies_redelivered(self) -> None:
        """The newest policy comes again, and old ones with it: an ended key must stay ended."""
        door, topic = self.door(OTHER), f"lm/1/{self.door(OTHER).companion_id}/down/policy"
        rows = self.walk.books.rows("SELECT p.* FROM policy p JOIN door d ON d.id = p.door_id WHERE d.number = ?"
                                    " ORDER BY p.version", OTHER)
        must(len(rows) > 1, f"only {len(rows)} policies were signed for door {OTHER}")
        known, told = self.walk.books.companion(door.companion_id), self._policy_events()
        *older, newest = [bytes([row["slot"]]) + bytes(row["signature"]) + bytes(row["body"]) for row in rows]
        for wire in (newest, older[0], older[-1]):  # one at a time: of several that wait a door reads the last
            self._comes_again((topic, wire))  # the verdict shows that what was sent before has arrived
            self.opens(OTHER, self.code(self.walk.gus))
        door.refuses(self.walk.held(self.walk.cleo), "revoked", key_id=self.walk.cleo.key_id)
        door.all_home()
        now = self.walk.books.companion(door.companion_id)
        same = ("policy_version", "policy_hash", "generation", "log")
        changed = {name: (known[name], now[name]) for name in same if known[name] != now[name]}
        must(not changed, f"a stale policy changed the door: {changed}")
        must(self._policy_events() == told, "the journal tells of a policy, and none was new")

    def _policy_events(self) -> int:
        return sum(event["kind"] == "policy" for event in self.door(OTHER).events())

    # --- staff, reset, suite

    def _staff_key(self) -> None:
        hana = self.person("Hana Sato", "13600000805")
        self.clerk.issue_staff_key(hana, "housekeeping", _FLOOR)
        code = self.code(hana)
        key = self.key(hana.key_id)
        must((key["kind"], key["state"], key["zones"]) == ("staff", "active", 1 << _FLOOR), f"the staff key is {key}")
        self.opens(OTHER, code)
        self.door(GYM).refuses(code, "wrong_door")
        epoch = tokens.read(code).generation
        self.clerk.does("/desk/staff-keys/raise?kind=staff")
        must(self.row("SELECT value FROM epoch WHERE kind = 'staff'")["value"] > epoch, "the epoch did not rise")
        self.shut(OTHER, code, "superseded")
        self.opens(OTHER, self.code(hana))  # the phone, which is at hand, has fetched new ones
        self.opens(OTHER, self.code(self.walk.gus))

    def _printed_sheet(self) -> bytes:
        """The first sheet of the emergency set as it is printed by a real browser: a picture of the paper."""
        with chromium.browser() as browser:
            page = browser.new_page(base_url=self.walk.house.web_url, locale="en-GB")
            page.goto("/desk/login")
            page.fill("[name=name]", ACCOUNT)
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_url("**/desk/")
            page.goto("/desk/staff-keys/printed")
            page.locator("main form button.main").click()
            page.locator(".sheets canvas:not([hidden])").first.wait_for()
            page.emulate_media(media="print")
            return page.locator(".sheets li").first.screenshot()

    def _printed_set(self) -> None:
        """A sheet of the printed set opens; once all are renewed it is waste paper."""
        code = seen_in(self._printed_sheet())
        key = self.key(tokens.read(code).key_id)
        facts = key["kind"], key["state"], key["holder_id"]
        must(facts == ("emergency", "active", None), f"the sheet's key is {key}")
        self.opens(OTHER, code)
        self.opens(GYM, code)
        self.clerk.does("/desk/staff-keys/raise?kind=emergency")
        self.shut(OTHER, code, "superseded")
        must(self.key(key["key_id"])["state"] == "ended", "the sheet's key has not ended")

    def _reset_token(self) -> None:
        gus, door = self.walk.gus, self.door(OTHER)
        code = self.code(gus)
        door.goes_off_line()
        self.clerk.check_out(self.walk.stays["gus"])
        door.opens_for(code, gus.key_id)  # it has not heard
        before = door.companion.opens
        verdict = door.scan(self.clerk.reset_token(OTHER))
        must(verdict == "reset", f"the reset token is {verdict}")
        must(door.companion.opens == before, "a reset token moved the bolt")
        must(door.told("policy", verdict="reset"), f"no reset in the journal; it ends with {door.journal()[-1:]}")
        door.refuses(code, "superseded", key_id=gus.key_id)
        must(not door.in_step(), f"door {OTHER} has heard of the change: {door.belief()}")
        door.comes_on_line()
        must(any(event["verdict"] == "reset" for event in door.events()), "the reset is not in the database")

    def _suite(self) -> None:
        doors = self.at(ROOM)
        must(len(doors) == len({door.companion_id for door in doors}) == 2, f"{len(doors)} companions at {ROOM}")
        code = self.code(self.walk.dora)
        self.opens(ROOM, code)
        self._opened_from_desk(ROOM)
        self.clerk.check_out(self.walk.stays["dora"])
        self.shut(ROOM, code, "revoked")
        newest = self.row("SELECT p.confirmed_at FROM policy p JOIN door d ON d.id = p.door_id WHERE d.number = ?"
                          " ORDER BY p.version DESC LIMIT 1", ROOM)
        must(newest["confirmed_at"], "both companions are in step, and the database does not say so")

    # --- power

    def _power_cut(self) -> None:
        ivy, door = self.person("Ivy Berg", "13600000806"), self.door(ROOM)
        self.walk.stays["ivy"] = self.clerk.whole_check_in(ivy, ROOM)
        code = self.code(ivy)
        door.comes_in_step(15)
        before, mark = door.companion.opens, door.companion.mark()
        for _ in range(_BURST):
            door.companion.scan(code)
        door.companion.wait(lambda _seen: door.companion.opens >= before + _BURST // 3, 15, since=mark)
        door.cut_power()
        seen = door.companion.opens - before
        must(_BURST // 3 <= seen < _BURST, f"the power was cut after {seen} of {_BURST} opens, not amid them")
        door.all_home()
        opened = sum(event["kind"] == "opened" and event["key_id"] == ivy.key_id for event in door.events())
        must(opened in {seen, seen + 1}, f"the bolt moved {seen} times for {ivy.name}, the database has {opened}")
        must(door.told("boot"), "no boot in the journal")
        door.comes_in_step(15)
        self.opens(ROOM, code)
