"""The people of the smoke run: a clerk at the desk and guests with phones, each in a browser of their own."""

from __future__ import annotations

import html
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tools.hotel.browser import Browser, Page
from tools.hotel.opening import ACCOUNT, PASSWORD, TIMEZONE
from tools.smoke.report import must

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE = re.compile(r"\b[A-Z][0-9]-[0-9]{2}\b")


@dataclass
class Card:
    """A card as the phone holds it: the sheaf that was served."""

    key_id: str
    room: str
    slots: list[tuple[int, int, str]]

    def at(self, now: float) -> tuple[int, int, str]:
        """The slot that a phone shows at a moment of server time: the one farthest from both its ends."""
        good = [slot for slot in self.slots if slot[0] <= now < slot[1]]
        must(good, f"the sheaf of room {self.room} has no slot for {now:.0f}; it has {len(self.slots)} slots")
        return max(good, key=lambda slot: min(now - slot[0], slot[1] - now))


class Guest:
    """A guest with a phone."""

    def __init__(self, base: str, name: str, phone: str, email: str = "") -> None:
        self.name = name
        self.phone = phone
        self.email = email
        self.browser = Browser(base, "en")
        self.code = ""
        self.key_id = ""

    def claim(self, address: str) -> None:
        """Scan the desk's QR, type the number (and the e-mail address, of who has one), and read the short code."""
        page = self.browser.get(address)
        letters = {"email": self.email} if self.email else {}
        waiting = self.browser.submit(page, "/g/claim", fields={"phone": self.phone, **letters})
        found = _CODE.findall(waiting.text)
        must(found, f"{self.name}'s phone shows no code on {waiting.path}: {waiting.text[:300]}")
        must(self.phone[-4:] in waiting.text, f"{self.name}'s phone does not show its last digits: {waiting.text}")
        self.code = found[0]

    def sheaf(self) -> list[Card]:
        """What the card page fetches."""
        facts: dict[str, Any] = self.browser.get("/g/card/sheaf").json()
        return [
            Card(card["key"], card["room"], [(int(nbf), int(exp), str(text)) for nbf, exp, text in card["slots"]])
            for card in facts["cards"]
        ]

    def card(self, room: str = "") -> Card:
        """The one card this guest holds (in that room)."""
        cards = [card for card in self.sheaf() if card.slots and room in {"", card.room}]
        must(len(cards) == 1, f"{self.name} holds {len(cards)} cards with tokens, not 1")
        return cards[0]


class Clerk:
    """A person at the front desk."""

    def __init__(self, base: str, now: Callable[[], float]) -> None:
        self.browser = Browser(base, "en")
        self._now = now

    def log_in(self) -> None:
        """With the demo account."""
        page = self.browser.get("/desk/login")
        rack = self.browser.submit(page, "/desk/login", name=ACCOUNT, password=PASSWORD)
        must(rack.path.rstrip("/") == "/desk", f"the log-in led to {rack.path}: {rack.text[:200]}")

    def enter_order(self, guest: Guest, room: int) -> Page:
        """Type in an order for tonight; the page that follows, where the room is chosen."""
        today = datetime.fromtimestamp(self._now(), ZoneInfo(TIMEZONE)).date()
        dates = {"arrival_date": today.isoformat(), "departure_date": (today + timedelta(days=1)).isoformat()}
        page = self.browser.get("/desk/orders/new")
        return self.browser.submit(page, "/desk/orders/new", fields={
            "guest_name": guest.name, "phone": guest.phone, "room": str(room), **dates})

    def prepare(self, page: Page, room: int) -> int:
        """Choose the room; the stay's number."""
        draft = self.browser.submit(page, r"/desk/orders/\d+/prepare", room=str(room))
        found = re.fullmatch(r"/desk/stays/(\d+)", draft.path)
        must(found, f"choosing the room led to {draft.path}: {draft.text[:200]}")
        return int(found[1]) if found else 0

    def desk_qr(self) -> str:
        """The address in the desk's QR."""
        page = self.browser.get("/desk/qr", accept="application/json")
        return str(page.json()["url"])

    def claims_page(self, stay: int) -> Page:
        """Press the lock button beside the first guest of a stay."""
        page = self.browser.get(f"/desk/stays/{stay}")
        lock = next((link for link in page.links if link.startswith("/desk/claims?guest=")), "")
        must(lock, f"stay {stay} has no lock button: {page.text[:300]}")
        return self.browser.get(lock)

    def pick(self, claims: Page, guest: Guest) -> Page:
        """Pick the phone with this guest's code; the page that asks to compare."""
        for link in claims.links:
            if re.match(r"/desk/guests/\d+/authorise\?claim=\d+", link):
                page = self.browser.get(link)
                if guest.code in page.text and guest.phone[-4:] in page.text:
                    return page
        must(False, f"{guest.name}'s code {guest.code} is not among the claims: {claims.text[:300]}")
        return claims

    def issue(self, compare: Page) -> Page:
        """Confirm code and digits: the key is issued."""
        return self.browser.submit(compare, r"/desk/guests/\d+/authorise")

    def check_in(self, stay: int) -> Page:
        """Press check-in."""
        return self.browser.submit(self.browser.get(f"/desk/stays/{stay}"), rf"/desk/stays/{stay}/check-in")

    def check_out(self, stay: int) -> Page:
        """Press check-out."""
        return self.does(f"/desk/stays/{stay}/check-out")

    def door_events(self, door: int) -> str:
        """What the desk reads of a door."""
        return self.browser.get(f"/desk/doors/{door}").text

    def authorise(self, stay: int, guest: Guest) -> None:
        """The lock beside the first name without a key, for the phone of this guest, which claims now."""
        guest.claim(self.desk_qr())
        self.issue(self.pick(self.claims_page(stay), guest))

    def does(self, page: str, **fields: str | list[str]) -> Page:
        """Open the page of a step, fill in its form, and press its button; the page that follows."""
        return self.browser.submit(self.browser.get(page), page.partition("?")[0], fields=fields)

    def add_guest(self, stay: int, name: str) -> None:
        """Add a joiner."""
        self.browser.submit(self.browser.get(f"/desk/stays/{stay}"), f"/desk/stays/{stay}/guests", name=name)

    def reset_token(self, door: int) -> str:
        """The token that the desk's screen shows for a door."""
        page = self.does(f"/desk/doors/{door}/reset")
        found = re.search(r'data-token="(HK1:[^"]+)"', page.answer.text)
        must(found, f"the desk shows no reset token: {page.text[:300]}")
        return html.unescape(found[1]) if found else ""

    def issue_staff_key(self, person: Guest, job: str, zone: int) -> None:
        """A staff key for a zone, from now for a shift, on the phone that claims now."""
        person.claim(self.desk_qr())
        waiting = self.browser.get("/desk/staff-keys")
        for link in waiting.links:
            if re.fullmatch(r"/desk/staff-keys/issue\?claim=\d+", link):
                page = self.browser.get(link)
                if person.code in page.text and person.phone[-4:] in page.text:
                    self.browser.submit(page, "/desk/staff-keys/issue", who=person.name, job=job, zone=str(zone))
                    return
        must(False, f"{person.name}'s code {person.code} is not among the claims: {waiting.text[:300]}")

    def whole_check_in(self, guest: Guest, room: int) -> int:
        """From the order to the check-in, with the key on the guest's phone; the stay's number."""
        stay = self.prepare(self.enter_order(guest, room), room)
        self.authorise(stay, guest)
        self.check_in(stay)
        return stay


def wait_for(condition: Callable[[], object], seconds: float, sentence: Callable[[], str]) -> None:
    """Look until it is true; StepError with the sentence, made at the end, if it never is."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            must(False, f"{sentence()} (waited {seconds:g} s)")
        time.sleep(0.05)
