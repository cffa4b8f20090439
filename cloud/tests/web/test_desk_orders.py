"""Orders at the desk: imported from a table, cancelled, not come, checked in as a group."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta

from lockmate.stays import Order, Stay


def table(hotel, *lines):
    today = hotel.today()
    dates = f"{today.isoformat()},{(today + timedelta(days=1)).isoformat()}"
    return "\n".join(["name,arrival,departure,room,group", *(line.replace("DATES", dates) for line in lines)])


def packed(page):
    return html.unescape(re.search(r'name="table" value="([^"]*)"', page.text)[1])


def test_a_table_is_looked_at_before_it_is_imported(desk, hotel):
    desk.get("/desk/orders/import")
    page = desk.post("/desk/orders/import", text=table(hotel, "Wang,DATES,801,Tour", "Li,DATES,,Tour"))
    assert "All lines are good (2). Nothing is entered yet." in page.text
    assert Order.select().count() == 0
    page = desk.post("/desk/orders/import", table=packed(page))
    assert "Orders imported: 2." in page.text
    assert page.text.count("Tour") >= 2
    assert Order.select().count() == 2


def test_every_bad_line_is_named_and_nothing_is_imported(desk, hotel):
    desk.get("/desk/orders/import")
    page = desk.post("/desk/orders/import", text=table(hotel, "Wang,DATES,801,", "Li,soon,later,,", "Chen,DATES,999,"))
    assert "Wrong lines: 2, good lines: 1." in page.text
    assert "bad_dates" in page.text
    assert "There is no room 999." in page.text
    page = desk.post("/desk/orders/import", table=packed(page))
    assert "csv_lines_bad" in page.text
    assert Order.select().count() == 0


def test_a_file_in_gbk_is_read(desk, hotel):
    today = hotel.today()
    text = f"姓名,入住日期,离店日期\n王小明,{today.isoformat()},{(today + timedelta(days=1)).isoformat()}\n"
    desk.get("/desk/orders/import")
    page = desk.post("/desk/orders/import", file=(io.BytesIO(text.encode("gbk")), "orders.csv"))
    assert "王小明" in page.text
    desk.post("/desk/orders/import", table=packed(page))
    assert Order.get().guest_name == "王小明"


def test_a_long_table_fits_and_what_is_none_is_refused(desk, hotel):
    desk.get("/desk/orders/import")
    lines = [f"Guest {number} with a rather long name for a test,DATES,," for number in range(1500)]
    assert "All lines are good (1500)." in desk.post("/desk/orders/import", text=table(hotel, *lines)).text
    for text in ("", "a,b\n1,2", "name,arrival,departure\n"):
        assert desk.post("/desk/orders/import", text=text).status_code in {400, 409}
    assert desk.post("/desk/orders/import", table="!").status_code == 400
    assert desk.post("/desk/orders/import", text="x" * 2_000_000).status_code == 413


def test_an_order_is_cancelled_or_not_come(desk, hotel):
    one, other = hotel.order(name="Wang"), hotel.order(name="Li")
    assert "a key prepared for it never opens" in desk.get(f"/desk/orders/{one.id}/cancel").text
    assert "is cancelled" in desk.post(f"/desk/orders/{one.id}/cancel").text
    desk.get(f"/desk/orders/{other.id}/no-show")
    page = desk.post(f"/desk/orders/{other.id}/no-show")
    assert "is a no-show" in page.text
    assert "Nobody else is expected today." in page.text
    assert [order.state for order in Order.select().order_by(Order.id)] == ["cancelled", "no_show"]
    assert desk.post(f"/desk/orders/{one.id}/cancel").status_code == 409


def test_a_group_is_checked_in_at_once(desk, hotel):
    orders = [hotel.order(name=name) for name in ("Wang", "Li", "Chen")]
    query = "&".join(f"order={order.id}" for order in orders)
    page = desk.get(f"/desk/orders/group?{query}")
    assert re.findall(r'value="(\d+)" selected', page.text) == ["801", "802", "803"]
    rooms = {f"room-{order.id}": room for order, room in zip(orders, ("803", "801", "804"), strict=True)}
    page = desk.post("/desk/orders/group", order=[order.id for order in orders], **rooms)
    assert "Rooms checked in: 3." in page.text
    assert {stay.room.name for stay in Stay.select()} == {"801", "803", "804"}
    assert {stay.state for stay in Stay.select()} == {"in_house"}


def test_a_group_is_checked_in_whole_or_not_at_all(desk, hotel):
    hotel.checked_in("804", name="Zhou")
    orders = [hotel.order(name=name) for name in ("Wang", "Li")]
    desk.get("/desk/")
    rooms = {f"room-{orders[0].id}": "801", f"room-{orders[1].id}": "804"}
    page = desk.post("/desk/orders/group", order=[order.id for order in orders], **rooms)
    assert page.status_code == 409
    assert "room 804 (Zhou, until" in page.text
    assert Stay.select().where(Stay.state == "in_house").count() == 1
    assert desk.get("/desk/orders/group").status_code == 400


def test_day_use_is_entered_and_shown(desk, hotel):
    today = hotel.today().isoformat()
    assert "day use until 18:00" in desk.get("/desk/orders/new").text
    desk.post("/desk/orders/new", guest_name="Wang", phone="", arrival_date=today, departure_date=today, group="Tour")
    page = desk.get("/desk/arrivals?q=tour")
    assert "Day use" in page.text
