"""The mark of notices that nobody has read."""

from __future__ import annotations

import pytest

from lockmate import notices
from lockmate.keys import Holder

pytestmark = pytest.mark.browser


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
