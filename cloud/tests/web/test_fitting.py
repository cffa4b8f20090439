"""The installation page and the installers' interface: who may, what is told, and what is refused."""

from __future__ import annotations

import base64
import io
import re

import pytest

from lockmate import fitting, pki, staff
from lockmate.doors import policies

CODE = re.compile(r"big-code\">([0-9A-Z]{5}-[0-9A-Z]{5})<")


class Laptop:
    """A program at the interface, with the secret of its session."""

    def __init__(self, app, secret=""):
        self._client = app.test_client()
        self.secret = secret

    def ask(self, method, path, **body):
        headers = {"Accept": "application/json", "Accept-Language": "en", "Authorization": f"Bearer {self.secret}"}
        return self._client.open(f"/api/install/1{path}", method=method, json=body if method == "POST" else None,
                                 headers=headers)  # fmt: skip


@pytest.fixture
def laptop(app):
    return Laptop(app)


@pytest.fixture
def installer(browser, hotel):
    """Ivo's browser, logged in."""
    staff.create_account(hotel.property, "ivo", "correct horse", "installer", language="en")
    ivo = browser()
    ivo.logs_in("ivo")
    return ivo


@pytest.fixture
def let_in(laptop, installer):
    """A laptop that was let in at the desk."""
    installer.get("/desk/fitting")
    code = CODE.search(installer.post("/desk/fitting/codes").text)[1]
    told = laptop.ask("POST", "/session", code=code, laptop="bench").json
    laptop.secret = told["secret"]
    return laptop


def provision(laptop, door=801, serial="240ac4000001", **other):
    request = base64.b64encode(pki.device_key("x").request).decode()
    return laptop.ask("POST", "/companions", door=door, request=request, serial=serial, chip="ESP32", **other)


def test_a_laptop_is_let_in_by_a_code_of_the_page_and_out_again(installer, let_in):
    assert "bench" in installer.get("/desk/fitting").text
    assert let_in.ask("GET", "/doors").json["hotel"]["name"] == "Lakeside"
    session = fitting.codes.sessions(fitting.InstallerSession.get().property)[0]
    installer.post(f"/desk/fitting/sessions/{session.id}/end")
    answer = let_in.ask("GET", "/doors")
    assert (answer.status_code, answer.json["code"]) == (401, "session_over")


def test_nothing_is_told_without_a_session(app, laptop):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("install.") and rule.endpoint != "install.begin":
            path = rule.rule.removeprefix("/api/install/1")
            for name in rule.arguments:
                path = path.replace(f"<id:{name}>", "1").replace(f"<{name}>", "c-1")
            for method in rule.methods - {"OPTIONS", "HEAD"}:
                answer = laptop.ask(method, path)
                assert (answer.status_code, answer.json["code"]) == (401, "session_over"), rule


def test_codes_can_not_be_tried_at_will(laptop):
    answers = [laptop.ask("POST", "/session", code="AAAAA-AAAAA", laptop="x").status_code for _ in range(12)]
    assert answers[0] == 401
    assert answers[-1] == 429


def test_the_desk_may_not_let_laptops_in_but_may_replace(desk, hotel):
    assert desk.get("/desk/fitting").status_code == 403
    assert desk.get("/desk/doors/801/replace").status_code == 200


def test_a_provisioning_holds_everything_but_the_key(let_in, hotel):
    told = provision(let_in, wifi=[{"ssid": "Hotel", "password": "open sesame"}], profile="devkit").json
    assert set(told["files"]) == {"/config.json", "/ca.der", "/cert.der", "/policy"}
    known = let_in.ask("GET", "/companions/c-240ac4000001").json
    assert (known["door"], known["state"], known["certificate"]) == (801, "in_service", told["certificate"])
    renewed = let_in.ask(
        "POST", "/companions/c-240ac4000001/certificate",
        request=base64.b64encode(pki.device_key("x").request).decode(),
    ).json  # fmt: skip
    assert renewed["certificate"] != told["certificate"]
    assert let_in.ask("DELETE", "/companions/c-240ac4000001").status_code == 200
    assert policies.companions_of(hotel.door("801")) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [({"door": 77}, 404, "not_found"), ({"door": "801"}, 400, "bad_field"), ({"request": "!"}, 400, "bad_field"),
     ({"request": "AAAA"}, 400, "bad_request_of_key"), ({"serial": "zz"}, 400, "bad_board"),
     ({"wifi": [{"ssid": 1}]}, 400, "bad_field"), ({"wifi": [{}] * 9}, 400, "bad_field"),
     ({"companion": "cloud-ingest"}, 400, "bad_companion"), ({"beside": 1}, 400, "bad_field")],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_done(let_in, hotel, change, status, code):
    good = {"door": 801, "request": base64.b64encode(pki.device_key("x").request).decode(), "serial": "240ac4000001",
            "chip": "ESP32"}  # fmt: skip
    answer = let_in.ask("POST", "/companions", **(good | change))
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json["what"]
    assert policies.companions_of(hotel.door("801")) == []


def test_another_hotels_companion_is_not_found(let_in, another_hotel):
    another_hotel.companion("801", "c-another-one")
    assert let_in.ask("GET", "/companions/c-another-one").status_code == 404
    assert let_in.ask("DELETE", "/companions/c-another-one").status_code == 404


def test_the_fleet_says_what_each_door_lacks(installer, let_in):
    provision(let_in)
    page = installer.get("/desk/fitting").text
    assert "never heard" in page
    assert "c-240ac4000001" in page
    part = installer.part("/desk/fitting/fleet")
    assert installer.part("/desk/fitting/fleet", **{"If-None-Match": part.headers["ETag"]}).status_code == 304


def test_rooms_are_looked_at_first_and_then_imported(installer):
    installer.get("/desk/fitting/rooms")
    page = installer.post("/desk/fitting/rooms", text="number,name\n1001,1001\n801,again\n")
    assert "door_exists" in page.text
    assert re.search(r"<button class=\"main\" disabled>", page.text)
    table = io.BytesIO("编号,房号\n1001,一〇〇一\n".encode("gb18030"))
    page = installer.post("/desk/fitting/rooms", file=(table, "rooms.csv"))
    table = re.search(r'name="table" value="([^"]+)"', page.text)[1]
    assert "Doors imported: 1." in installer.post("/desk/fitting/rooms", table=table).text
    assert "一〇〇一" in installer.get("/desk/fitting").text
    assert "csv_columns" in installer.post("/desk/fitting/rooms", text="a,b\n1,2\n").text


def test_the_night_porter_puts_a_spare_in(desk, let_in):
    provision(let_in)
    spare = provision(let_in, None, "240ac4000002").json
    desk.get("/desk/doors/801/replace")
    page = desk.post("/desk/doors/801/replace", code="nope")
    assert "not_a_spare" in page.text
    page = desk.post("/desk/doors/801/replace", code=spare["spare_code"])
    assert "c-240ac4000002" in page.text
    assert "c-240ac4000001" not in page.text


def test_an_acceptance_that_is_not_finished_has_no_record(installer, let_in):
    provision(let_in)
    begun = let_in.ask("POST", "/acceptances", door=801).json
    assert set(begun["codes"]) == set(fitting.checks.CODES)
    assert let_in.ask("POST", f"/acceptances/{begun['acceptance']}/finish").json["code"] == "checks_missing"
    assert installer.get(f"/desk/fitting/acceptances/{begun['acceptance']}").status_code == 404



def test_the_desk_is_told_that_a_door_is_not_in_service_before_it_gives_it_to_a_guest(hotel, desk, let_in):
    provision(let_in)
    told = "This door is not in service yet"
    assert told in desk.get(f"/desk/stays/{hotel.draft('801').id}").text
    assert told not in desk.get(f"/desk/stays/{hotel.draft('802', name='Sun Yue').id}").text
