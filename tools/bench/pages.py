"""Pages of a large hotel under the real server: how long the desk waits, how many queries a page asks, and the bytes of
a guest's first look at the card.
"""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests

from lockmate import clock, db, doors, pki
from lockmate.app import create_app
from lockmate.records.models import Event
from lockmate.settings import current
from lockmate.stays.models import Stay
from tools.bench import over_http, queries
from tools.bench.figures import Figure, figure, size_of

if TYPE_CHECKING:
    from tools.bench.over_http import Hotel

ROOMS = size_of("PAGES_ROOMS", 500)
EVENTS = size_of("PAGES_EVENTS", 100_000)
ROUNDS = size_of("PAGES_ROUNDS", 60)
_TAKEN = 60  # rooms with somebody in them
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_ASSET = re.compile(r'(?:src|href)="(/static/[^"]+)"|(?:from|import)\s*"(\.{0,2}/[^"]+\.js[^"]*)"')


def measure() -> dict[str, Figure]:
    """pages.p95_ms, pages.queries_max, pages.guest_kib."""
    with over_http.hotel(ROOMS) as house:
        secret, pages = _fill(house)
        sent = _queries(pages)
        house.server.start()
        house.server.wait_for_port(int(house.url.rsplit(":", 1)[1]), 30)
        times = _times(house, pages)
        look = _first_look(house, secret)
    worst = {page: _p95(found) for page, found in times.items()}
    slowest = max(worst, key=lambda page: worst[page])
    busiest = max(sent, key=lambda page: sent[page])
    return {
        "pages.p95_ms": figure(list(worst.values()), "ms", f"the median page; the slowest is {slowest}")
        | {"value": round(worst[slowest], 1)},
        "pages.queries_max": figure([float(count) for count in sent.values()], "", f"most at {busiest}")
        | {"value": float(sent[busiest])},
        "pages.guest_kib": figure([look / 1024], "KiB", "page, styles, scripts and the first tokens, as they travel"),
    }


def _p95(found: list[float]) -> float:
    """By the nearest rank: the value that 95 in a hundred do not exceed."""
    return sorted(found)[math.ceil(len(found) * 0.95) - 1]


def _fill(house: Hotel) -> tuple[str, list[str]]:
    """Guests and events; (a guest's cookie, the desk's pages)."""
    with db.transaction():
        request = pki.device_key("bench").request  # one key will do: nothing connects with it
        secrets = [house.guest(1_000 + number) for number in range(min(_TAKEN, ROOMS))]
        companions = [
            doors.companions.enrol(house.property, house.door(1_000 + number), f"bench-{number:06}", request).companion
            for number in range(min(_TAKEN, ROOMS))
        ]
        now = clock.now_s()
        rows: list[dict[str, Any]] = [
            {
                "property": house.property.id, "companion": companions[n % len(companions)].id,
                "door": companions[n % len(companions)].door_id, "log": "0" * 16, "seq": n + 1, "tag": "0" * 16,
                "line": b"{}", "at": now - EVENTS + n, "unsure": 1, "kind": "refused" if n % 9 == 0 else "opened",
                "road": "qr", "verdict": "expired" if n % 9 == 0 else "open", "key_id": f"{n:016x}",
                "received_at": (now - EVENTS + n) * 1000,
            }
            for n in range(EVENTS)
        ]  # fmt: skip
        for start in range(0, EVENTS, 1_000):
            Event.insert_many(rows[start : start + 1_000]).execute()
    stay = Stay.get(Stay.state == "in_house")
    room = stay.room.number
    parts = ["", "rack", "arrivals", "in-house", "claims", f"doors/{room}", f"doors/{room}/events",
             f"doors/{room}/health", f"stays/{stay.id}", "staff-keys", "undelivered"]
    return secrets[0], [f"/desk/{part}" for part in parts]


def _queries(pages: list[str]) -> dict[str, int]:
    """How many statements each page sends, asked of the application in this process."""
    client = create_app(current()).test_client()
    token = _TOKEN.search(client.get("/desk/login").text)
    assert token is not None
    client.post("/desk/login", data={"name": "bench", "password": over_http.PASSWORD, "csrf_token": token[1]})
    counts = {}
    try:
        for page in pages:
            with queries.counted() as sent:
                answer = client.get(page)
            assert answer.status_code == 200, (page, answer.status_code)
            counts[page] = len(sent)
    finally:
        db.database.close()
    return counts


def _times(house: Hotel, pages: list[str]) -> dict[str, list[float]]:
    desk = requests.Session()
    token = _TOKEN.search(desk.get(f"{house.url}/desk/login", timeout=30).text)
    assert token is not None
    form = {"name": "bench", "password": over_http.PASSWORD, "csrf_token": token[1]}
    desk.post(f"{house.url}/desk/login", form, timeout=30).raise_for_status()
    times: dict[str, list[float]] = {page: [] for page in pages}
    for _ in range(ROUNDS + 1):
        for page in pages:
            begun = time.perf_counter()
            answer = desk.get(house.url + page, timeout=30)
            times[page].append((time.perf_counter() - begun) * 1000)
            answer.raise_for_status()
    return {page: found[1:] for page, found in times.items()}  # the first warms up


def _first_look(house: Hotel, secret: str) -> int:
    """Bytes of bodies and heads of everything that the card's page loads, as a browser asks for it."""
    phone = requests.Session()
    phone.headers["Accept-Encoding"] = "gzip"
    phone.cookies.set("lockmate_phone", secret, path="/g/")
    waiting, seen, total = [f"{house.url}/g/card"], set(), 0
    waiting.append(f"{house.url}/g/card/sheaf?slots=3")  # what the script asks for first; a day's tokens come after
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = phone.get(address, timeout=30, stream=True)
        answer.raise_for_status()
        body = answer.raw.read()
        total += len(body) + sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
        text = requests.get(address, cookies=phone.cookies, timeout=30).text
        waiting += [urljoin(address, found[0] or found[1]) for found in _ASSET.findall(text)]
    return total
