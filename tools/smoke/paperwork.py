"""Orders from a table, a group that arrives at once, and the letter that a guest gets."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from aiosmtpd.controller import Controller

from tools.hotel.house import MAIL_FROM
from tools.hotel.opening import TIMEZONE
from tools.processes import LOOPBACK
from tools.smoke.journeys import OTHER, ROOM_FREE, THIRD, Part
from tools.smoke.people import wait_for
from tools.smoke.report import must

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tools.smoke.journey import Journey
    from tools.smoke.people import Guest

_GROUP = "Nordlys choir"
_ADDRESS = "jan@guest.example"


class Mailbox:
    """A mail server on this machine that keeps what it is given."""

    def __init__(self, port: int) -> None:
        self.letters: list[tuple[list[str], EmailMessage]] = []
        self._server = Controller(self, hostname=LOOPBACK, port=port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a letter."""
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"

    def open(self) -> None:
        """Listen."""
        self._server.start()

    def close(self) -> None:
        """No more."""
        self._server.stop()


class Paperwork(Part):
    """A choir of two, in 802 and 803."""

    STEPS: ClassVar[list[str]] = ["import_dry_run", "import_orders", "group", "letter", "cancelled", "no_show"]

    def __init__(self, walk: Journey) -> None:
        super().__init__(walk)
        self.jan = self.person("Jan Olsen", "13600000807", _ADDRESS)
        self._orders: list[int] = []

    def _table(self, *rows: str) -> str:
        today = datetime.fromtimestamp(self.walk.now(), ZoneInfo(TIMEZONE)).date()
        dates = f"{today.isoformat()},{(today + timedelta(days=1)).isoformat()}"
        return "name,phone,arrival,departure,room,group\n" + "".join(row.replace("DATES", dates) + "\n" for row in rows)

    def _count(self) -> int:
        return int(self.row('SELECT count(*) AS n FROM "order"')["n"])

    def _import_dry_run(self) -> None:
        before = self._count()
        good = f"Jan Olsen,{self.jan.phone},DATES,{OTHER},{_GROUP}"
        page = self.clerk.does("/desk/orders/import", text=self._table(good, f"Kim Berg,,DATES,4711,{_GROUP}"))
        must("csv_room_unknown" in page.text, f"the bad line is not named: {page.text[:600]}")
        must(self._count() == before, "a dry run entered orders")
        refused = self.clerk.browser.submit(page, "/desk/orders/import", expect=None)
        must(refused.status >= 400 and self._count() == before, f"a table with a bad line answered {refused.status}")

    def _import_orders(self) -> None:
        before = self._count()
        rows = (f"Jan Olsen,{self.jan.phone},DATES,{OTHER},{_GROUP}", f"Kim Berg,,DATES,{THIRD},{_GROUP}")
        page = self.clerk.does("/desk/orders/import", text=self._table(*rows))
        must(self._count() == before, "a dry run entered orders")
        self.clerk.browser.submit(page, "/desk/orders/import")
        found = self.walk.books.rows('SELECT id, guest_name, state FROM "order" WHERE "group" = ? ORDER BY id', _GROUP)
        must([row["guest_name"] for row in found] == ["Jan Olsen", "Kim Berg"], f"the orders are {found}")
        self._orders = [row["id"] for row in found]

    def _group(self) -> None:
        picked = "&".join(f"order={order}" for order in self._orders)
        page = self.clerk.does(f"/desk/orders/group?{picked}")
        must(page.path == "/desk/in-house", f"the group's check-in led to {page.path}: {page.text[:300]}")
        found = self.walk.books.rows("SELECT s.id, s.state, d.number FROM stay s JOIN door d ON d.id = s.room_id"
                                     ' JOIN "order" o ON o.id = s.order_id WHERE o."group" = ? ORDER BY o.id', _GROUP)
        must([(row["state"], row["number"]) for row in found] == [("in_house", OTHER), ("in_house", THIRD)],
             f"the stays are {found}")
        self.walk.stays["jan"] = found[0]["id"]

    def _letter(self) -> None:
        box = self.walk.mailbox
        self.clerk.authorise(self.walk.stays["jan"], self.jan)

        def mine() -> list[EmailMessage]:
            return [letter for to, letter in box.letters if to == [_ADDRESS]]

        def issued() -> list[EmailMessage]:
            return [letter for letter in mine() if str(OTHER) in letter.get_content()]

        wait_for(issued, 15, lambda: f"{len(mine())} letters came to {_ADDRESS}, none tells of room {OTHER}")
        must(MAIL_FROM in str(issued()[0]["From"]), f"the letter comes from {issued()[0]['From']}")
        wait_for(lambda: not self.walk.books.rows("SELECT id FROM outbox WHERE channel = 'smtp' AND state <> 'sent'"),
                 10, lambda: "a letter is not marked as sent")
        self.door(OTHER).comes_in_step(15)
        self.opens(OTHER, self.code(self.jan))

    def _cancelled(self) -> None:
        self._nobody_comes(self.person("Lea Winter", "13600000811"), "cancel", "cancelled")

    def _no_show(self) -> None:
        self._nobody_comes(self.person("Max Vogel", "13600000812"), "no-show", "no_show")

    def _nobody_comes(self, guest: Guest, step: str, state: str) -> None:
        """An order with a key prepared is closed: the phone is served nothing, and never was."""
        page = self.clerk.enter_order(guest, ROOM_FREE)
        order = int(page.path.split("/")[3])
        self.clerk.authorise(self.clerk.prepare(page, ROOM_FREE), guest)
        must(not any(card.slots for card in guest.sheaf()), "a token was minted for a key that is only prepared")
        self.clerk.does(f"/desk/orders/{order}/{step}")
        closed = self.row('SELECT state FROM "order" WHERE id = ?', order)["state"]
        must(closed == state, f"order {order} is {closed}, not {state}")
        stay = self.row("SELECT id, state FROM stay WHERE order_id = ?", order)
        must(stay["state"] == "discarded", f"the prepared stay is {stay}")
        keys = self.walk.books.rows("SELECT k.state FROM key k JOIN guest_key g ON g.key_id = k.id"
                                    " JOIN guest p ON p.id = g.guest_id WHERE p.stay_id = ?", stay["id"])
        must([key["state"] for key in keys] == ["ended"], f"the prepared keys are {keys}")
        must(not any(card.slots for card in guest.sheaf()), "the phone is served tokens for an order that is closed")
