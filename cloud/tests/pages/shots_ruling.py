"""Takes a picture of each page on which people decide about a door, into build/shots/.

    .venv/bin/pytest cloud/tests/pages/shots_ruling.py
"""

from __future__ import annotations

import pytest

from cloud.tests.pages.shots import look  # noqa: F401 - a fixture
from lockmate import clock, doors, staff
from lockmate.doors import Hours
from lockmate.properties import Zone

pytestmark = pytest.mark.browser


def test_each_page(look, hotel, site):  # noqa: F811
    _, shoot, screen = look
    staff.Account.update(role="manager").execute()
    Zone.create(property=hotel.property, bit=1, name="Staff")
    board = hotel.companion("Lift")
    board.reports()
    anna = screen()
    anna.logs_in()
    week = [Hours((0, 1, 2, 3, 4), "07:00", "22:00"), Hours((5, 6), "08:00", "24:00")]
    doors.set_rules(hotel.door("Lift"), schedule=week, by=hotel.desk)
    doors.set_rules(hotel.door("Lift"), mode="lockdown", mode_until=clock.now_s() + 7_200, by=hotel.desk)
    page = anna.opens("/desk/doors/9001")
    shoot(page, "95-door-rules")
    for number, step in enumerate(("mode", "hours", "zones", f"companions/{board.row.id}/retire"), 96):
        shoot(anna.opens(f"/desk/doors/9001/{step}"), f"{number}-{step.split('/')[-1]}")
    page = anna.opens("/desk/doors/9001")
    page.locator("a[href$='/hours']").click()
    page.locator("dialog[open] .dialog-body > *").first.wait_for()
    shoot(page, "9a-hours-dialog", full=False)
    shoot(anna.opens("/desk/fitting"), "9b-fitting")
    shoot(anna.opens("/desk/fitting/clocks"), "9c-clocks")
