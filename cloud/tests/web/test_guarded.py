"""What keeps the pages safe: permissions, forms' tokens, cookies, headers, limits, refusals."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Blueprint

from lockmate import db, errors, staff
from lockmate.app import create_app
from lockmate.staff import PERMISSIONS
from lockmate.web.security import CONTENT_SECURITY_POLICY

PUBLIC = {
    "static", "health.healthz", "health.root", "language.change", "desk.log_in", "desk.log_in_now", "desk.log_out",
}  # fmt: skip


def test_every_page_of_the_desk_needs_a_permission_that_a_role_has(app):
    known = frozenset().union(*PERMISSIONS.values())
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "public", False):
            assert rule.endpoint in PUBLIC or rule.endpoint.startswith(("guest.", "install.", "pms.")), rule
        else:
            assert rule.endpoint.startswith("desk."), rule
            assert view.permission in known, rule


def test_nobody_who_is_not_logged_in_gets_past_the_log_in(app, browser):
    stranger = browser()
    stranger.get("/desk/login")
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("desk.") or rule.endpoint in PUBLIC:
            continue
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<id:{name}>", "1")
        answer = stranger.get(path) if "GET" in rule.methods else stranger.post_only(path)
        assert answer.status_code == 302, rule
        assert answer.location.startswith("/desk/login"), rule


def test_a_view_without_a_mark_is_refused(hotel, house):
    db.database.close()
    app = create_app(house)
    forgotten = Blueprint("forgotten", __name__)
    forgotten.get("/forgotten")(lambda: "secret")
    app.register_blueprint(forgotten)
    assert app.test_client().get("/forgotten").status_code == 403


def test_a_role_that_may_not_is_told_so(browser, hotel):
    staff.create_account(hotel.property, "ivo", "correct horse", "installer", language="en")
    ivo = browser()
    ivo.logs_in("ivo")
    assert ivo.get("/desk/doors/801").status_code == 200
    page = ivo.get("/desk/arrivals")
    assert page.status_code == 403
    assert "Your account may not do this." in page.text


def test_a_closed_account_is_out_at_once(desk):
    assert desk.get("/desk/").status_code == 200
    staff.Account.update(active=False).execute()
    assert desk.get("/desk/").status_code == 302


def test_a_form_without_its_token_does_nothing(app, desk, hotel):
    stay = hotel.draft()
    for token in ("", "x"):
        answer = desk.post_only(f"/desk/stays/{stay.id}/check-in", csrf_token=token)
        assert answer.status_code == 400
        assert "stale_form" in answer.text
    for rule in app.url_map.iter_rules():
        if "POST" in rule.methods and not rule.endpoint.startswith(("install.", "pms.")):  # those read no cookie
            path = rule.rule.replace("<code>", "A1-23")
            for name in rule.arguments:
                path = path.replace(f"<id:{name}>", "1")
            assert desk.post_only(path, csrf_token="").status_code == 400, rule


def test_every_answer_carries_the_headers_that_keep_it_to_itself(desk, browser):
    answers = [desk.get(path) for path in ("/desk/", "/nothing", "/static/css/base.css")]
    for answer in (*answers, browser().get("/g/card")):
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert "unsafe" not in CONTENT_SECURITY_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert desk.get("/desk/").headers["Cache-Control"] == "no-store"


def test_pages_carry_no_inline_script_or_style(app):
    from pathlib import Path

    for file in (Path(app.root_path) / app.template_folder).rglob("*.html"):
        text = file.read_text("utf-8")
        for inline in (" style=", " onclick=", " onload=", "<style", "javascript:"):
            assert inline not in text, file
        assert text.count("<script") == text.count('<script type="module" src='), file


@pytest.mark.parametrize("settings", [{"public_url": "https://hotel.example"}, {"secure_cookies": True}])
def test_cookies_are_for_https_only_where_the_house_is(hotel, house, settings):
    db.database.close()
    app = create_app(dataclasses.replace(house, **settings))
    client = app.test_client()
    client.get("/desk/login", base_url="https://hotel.example")
    assert client.get_cookie("lockmate_session", domain="hotel.example").secure


def test_guessing_a_password_is_slowed(browser):
    anna = browser()
    anna.get("/desk/login")
    answers = [anna.post_only("/desk/login", name="anna@Lakeside", password=str(n)) for n in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "Wait a minute" in answers[-1].text


def test_a_refusal_is_json_for_who_asks_for_json(desk):
    answer = desk.json("/desk/stays/99")
    assert answer.status_code == 404
    assert answer.json["code"] == "not_found"
    assert set(answer.json) == {"code", "what", "do"}
    assert desk.json("/nowhere").json["code"] == "no_page"


def test_a_part_is_refused_as_a_part(desk, browser):
    part = desk.part("/desk/stays/99")
    assert part.status_code == 404
    assert "<html" not in part.text
    assert browser().part("/desk/claims/list").status_code == 401


def test_what_fails_inside_says_nothing_of_the_inside(desk, monkeypatch):
    def broken(*_args):
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("lockmate.stays.rack", broken)
    answer = desk.get("/desk/")
    assert answer.status_code == 500
    assert "failed" in answer.text
    assert "secret" not in answer.text


def test_a_refusal_with_a_code_newer_than_the_catalogue_still_answers(desk, monkeypatch):
    class Strange(errors.Refused):
        code = "strange_new_code"

    def refuse(*_args):
        raise Strange

    monkeypatch.setattr("lockmate.stays.rack", refuse)
    answer = desk.get("/desk/")
    assert answer.status_code == 409
    assert "strange_new_code" in answer.text
    Strange.code = "refused"  # the class outlives the test; the catalogue's own test reads all codes


@pytest.mark.parametrize("path", ["/desk/stays/99999999999999999999", "/desk/doors/0", "/desk/doors/4294967296"])
def test_odd_numbers_in_an_address_are_not_found(desk, path):
    assert desk.get(path).status_code == 404


def test_odd_forms_are_refused_with_a_code(desk, hotel):
    order = hotel.order()
    guest = hotel.draft().present()[0]
    desk.get("/desk/")
    for room in ("", "x", "-1", "٣", "1" * 400, "801; DROP TABLE"):
        assert desk.post(f"/desk/orders/{order.id}/prepare", room=room).status_code == 400
    for claim in ("", "x", "99999999999999999999"):
        assert desk.post(f"/desk/guests/{guest.id}/authorise", claim=claim).status_code in {400, 404}
    assert desk.post("/desk/orders/new", guest_name="x" * 70_000).status_code == 413


def test_the_language_is_switched_and_kept(browser):
    anna = browser("en-GB,en;q=0.8")
    assert "Log in" in anna.get("/desk/login").text
    page = anna.post("/language", language="zh-CN", next="/desk/login")
    assert "登录" in page.text
    assert 'lang="zh-CN"' in anna.get("/desk/login").text
    assert anna.post_only("/language", language="xx", next="//evil.example").location == "/desk/"


def test_the_log_in_brings_the_accounts_language(browser, hotel):
    staff.create_account(hotel.property, "li", "correct horse", "desk", language="zh-CN")
    li = browser("en")
    assert "房态" in li.logs_in("li").text


def test_health_is_told(browser):
    assert browser().get("/healthz").json == {"ok": True}


def test_scripts_travel_compressed_and_are_not_sent_twice(browser):
    anna = browser()
    plain = anna.raw("/static/js/card.js")
    packed = anna.raw("/static/js/card.js", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 2
    again = anna.raw("/static/js/card.js", **{"If-None-Match": packed.headers["ETag"], "Accept-Encoding": "gzip"})
    assert again.status_code == 304
