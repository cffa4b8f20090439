"""The cards on a second phone, by the link's code read from the screen."""

from __future__ import annotations

import pytest

from lockmate import notices
from lockmate.keys import Holder

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}


@pytest.mark.parametrize(
    ("language", "make", "go", "card"),
    [("en-GB", "Make the link", "Show the cards here", "Room card"), ("zh-CN", "生成链接", "在此显示房卡", "电子房卡")],
)
def test_a_second_phone_takes_the_link_once(screens, carded, site, scan, language, make, go, card):
    first = screens(language, **PHONE)
    page, _ = carded(first)
    first.opens("/g/carry")
    page.get_by_role("button", name=make).click()
    page.locator("canvas:visible").wait_for()
    link = scan(first.decoded(), site)
    assert page.locator("textarea").input_value().endswith(link)

    second = screens(language, **PHONE)
    there = second.opens(link)
    there.get_by_role("button", name=go).click()
    there.wait_for_url("**/g/card")
    there.locator("canvas:visible").wait_for()
    assert len(second.decoded().text) == 151
    second.says(card)

    third = screens(language, **PHONE)
    third.opens(link).get_by_role("button", name=go).click()
    third.page.locator("[role=alert]").wait_for()
    assert third.page.locator(".code").inner_text() == "carry_ended"


def test_the_unread_mark_comes_and_goes(mobile, card, hotel):
    page, _ = card
    holder = Holder.get()
    notices.read(holder)
    page.locator("[data-refresh]").click()
    page.locator("[data-unread][hidden]").wait_for(state="attached")
    notices.put(holder, "ended", {"hotel": "Lakeside", "room": "799", "timezone": "Asia/Shanghai"})
    page.locator("[data-refresh]").click()
    mark = page.locator("[data-unread]:visible")
    mark.wait_for()
    assert mark.inner_text() == "1"
    page.locator(".inbox-link").click()
    mobile.says("Your card for 799 has ended")
    assert page.locator(".notices .new").count() == 1
    page.wait_for_load_state("networkidle")
    page.reload()
    mobile.says("Your card for 799 has ended")
    assert page.locator(".notices .new").count() == 0
