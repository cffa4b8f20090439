"""The browser without a screen: forms as served, hidden fields kept, nothing sent that a person couldn't fill in."""

from __future__ import annotations

import pytest
import requests

from tools.hotel.browser import Browser, BrowserError, Page

HTML = """<html><head><script>var a = "<form action='/no'>";</script></head><body><a href="/x?y=1">go</a>
<form method="post" action="/desk/login"><input type="hidden" name="csrf_token" value="t1"><input name="name">
<input type="checkbox" name="keep" checked><input type="radio" name="room" value="801" disabled>
<input type="radio" name="room" value="802" checked><select name="floor"><option value="8">8</option>
<option value="9" selected>9</option></select><textarea name="note"></textarea><button>Go &amp; see</button></form>
</body></html>"""


def page(html=HTML, url="http://127.0.0.1:1/desk/"):
    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 200, url, html.encode()
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    answer.encoding = "utf-8"
    return Page(answer)


def test_a_form_is_read_as_a_browser_would_send_it():
    form = page().form("/desk/login")
    assert form.method == "post"
    assert form.fields == {"csrf_token": "t1", "name": "", "keep": "on", "room": "802", "floor": "9", "note": ""}
    assert form.choices["room"] == ["802"]


def test_a_field_that_is_there_twice_is_sent_twice():
    html = '<form method="post" action="/a"><input name="name" value="x"><input name="name"><input name="note"></form>'
    form = page(html).form("/a")
    assert form.repeated == {"name": ["x", ""]}
    assert form.fields["note"] == ""


def test_scripts_are_not_text_and_hold_no_forms():
    seen = page()
    assert len(seen.forms) == 1
    assert "var a" not in seen.text
    assert "Go & see" in seen.text


def test_a_missing_form_says_which_there_are():
    with pytest.raises(BrowserError, match="/desk/login"):
        page().form("/desk/other")


def test_a_field_that_the_form_lacks_is_not_sent():
    with Browser("http://127.0.0.1:1") as browser, pytest.raises(BrowserError, match="password"):
        browser.submit(page(), "/desk/login", password="x")
