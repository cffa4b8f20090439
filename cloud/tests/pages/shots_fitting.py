"""Takes a picture of every page of the installation, phone and desk size, both languages, into build/shots/.

    .venv/bin/pytest cloud/tests/pages/shots_fitting.py
"""

from __future__ import annotations

import pytest

from cloud.tests.pages.shots import look  # noqa: F401 - a fixture
from cloud.tests.test_fitting import Far, provisioned, walk
from lockmate import fitting, staff

pytestmark = pytest.mark.browser


def test_the_installation_pages(look, hotel, site):  # noqa: F811 - a walk through all pages
    _names, shoot, screen = look
    staff.Account.update(role="installer").execute()
    far = Far(hotel, provisioned(hotel))
    provisioned(hotel, "802", "240ac4000002")
    provisioned(hotel, None, "240ac4000003")
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    walk(far, row)
    for name in ("light", "sound"):
        fitting.acceptance.answer(row, name, True, by=hotel.desk)
    fitting.acceptance.finish(row, by=hotel.desk)
    fitting.codes.sign_in(fitting.codes.make(hotel.property, by=hotel.desk), "bench")
    ivo = screen()
    page = ivo.opens("/desk/login")
    page.fill("[name=name]", "anna@Lakeside")
    page.fill("[name=password]", "correct horse")
    page.press("[name=password]", "Enter")
    page.wait_for_load_state()
    page = ivo.opens("/desk/fitting")
    page.locator("form[action$='/codes'] button").click()
    page.locator(".big-code").wait_for()
    shoot(page, "60-fitting")
    page = ivo.opens("/desk/fitting/rooms")
    page.fill("#text", "number,name,class,zones\n1001,1001,room,8\n801,again,room,\n1002,x,villa,\n")
    page.locator("main form button").click()
    page.locator("table.checked").wait_for()
    shoot(page, "61-fitting-rooms")
    shoot(ivo.opens(f"/desk/fitting/acceptances/{row.id}"), "62-acceptance")
    shoot(ivo.opens("/desk/doors/802/replace"), "63-replace")
