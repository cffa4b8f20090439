"""The journeys beside the main job: what their parts share, people, codes and looks at the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tools.smoke import tokens
from tools.smoke.people import Guest
from tools.smoke.report import must

if TYPE_CHECKING:
    from tools.smoke.door import SmokeDoor
    from tools.smoke.journey import Journey
    from tools.smoke.people import Clerk

ROOM, OTHER, THIRD, ROOM_FREE, GYM = 801, 802, 803, 804, 9001


class Part:
    """Some steps of the walk, in the order of STEPS; each is a method of that name behind an underscore."""

    STEPS: ClassVar[list[str]] = []

    def __init__(self, walk: Journey) -> None:
        self.walk = walk
        self._people: list[Guest] = []

    def close(self) -> None:
        """Close the browsers."""
        for guest in self._people:
            guest.browser.close()

    def person(self, name: str, phone: str, email: str = "") -> Guest:
        """Somebody with a phone of their own."""
        guest = Guest(self.walk.house.web_url, name, phone, email)
        self._people.append(guest)
        return guest

    @property
    def clerk(self) -> Clerk:
        """Who sits at the desk."""
        return self.walk.clerk

    def door(self, number: int) -> SmokeDoor:
        """The (first) companion at a door."""
        return self.walk.doors[number]

    def at(self, number: int) -> list[SmokeDoor]:
        """Every companion at a door."""
        return [door for door in self.walk.companions if door.number == number]

    def code(self, guest: Guest, room: int = 0) -> str:
        """What the phone shows now, fetched now; `key_id` follows."""
        text = guest.card(str(room) if room else "").at(self.walk.now())[2]
        guest.key_id = tokens.read(text).key_id
        return text

    def opens(self, number: int, code: str) -> None:
        """The code opens at every companion of a door, and each event comes home."""
        key_id = tokens.read(code).key_id
        for door in self.at(number):
            door.opens_for(code, key_id)
            door.comes_home("opened", key_id=key_id)

    def shut(self, number: int, code: str, verdict: str) -> None:
        """Every companion of the door has heard the news, refuses the code, and its event comes home."""
        key_id = tokens.read(code).key_id
        for door in self.at(number):
            door.comes_in_step(15)
            door.refuses(code, verdict, key_id=key_id)
            door.comes_home("refused", verdict=verdict, key_id=key_id)

    def row(self, question: str, *values: object) -> dict[str, Any]:
        """The one row of a SELECT."""
        found = self.walk.books.rows(question, *values)
        must(len(found) == 1, f"{len(found)} rows, not one: {question} {values}")
        return found[0]

    def key(self, key_id: str) -> dict[str, Any]:
        """A key as the database has it."""
        return self.row("SELECT * FROM key WHERE key_id = ?", key_id)

    def stay(self, stay: int) -> dict[str, Any]:
        """A stay, with its room's number."""
        return self.row("SELECT s.*, d.number AS room FROM stay s JOIN door d ON d.id = s.room_id WHERE s.id = ?", stay)
