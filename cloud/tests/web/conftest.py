"""Browsers without a screen: Flask's client, with the forms filled in as a person would."""

from __future__ import annotations

import html
import re

import pytest

from lockmate import db, staff
from lockmate.app import create_app

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_ADDRESS = re.compile(r'href="([^"]+)"')


class Browser:
    """One browser: keeps its cookies, and sends a form with the token of the page it saw last."""

    def __init__(self, app, language="en"):
        self._client = app.test_client()
        self._language = {"Accept-Language": language}
        self._token = ""

    def get(self, path, **headers):
        return self._seen(self.raw(path, **headers))

    def raw(self, path, **headers):
        """What came, read by nobody."""
        return self._client.get(path, headers=self._language | headers, buffered=True)

    def json(self, path):
        return self.get(path, Accept="application/json")

    def part(self, path, **headers):
        return self._client.get(path, headers=self._language | {"X-Fragment": "1"} | headers)

    def post(self, path, **fields):
        """Send a form, and follow where it leads."""
        sent = self._client.post(
            path, data={"csrf_token": self._token} | fields, headers=self._language, follow_redirects=True
        )
        return self._seen(sent)

    def post_only(self, path, **fields):
        return self._client.post(path, data={"csrf_token": self._token} | fields, headers=self._language)

    def cookie(self, name, path="/"):
        return self._client.get_cookie(name, path=path)

    def _seen(self, answer):
        token = _TOKEN.search(answer.text)
        if token:
            self._token = html.unescape(token[1])
        return answer

    def logs_in(self, name, password="correct horse"):
        self.get("/desk/login")
        return self.post("/desk/login", name=name, password=password)


def addresses(page):
    """Where the links of a page lead."""
    return [html.unescape(found) for found in _ADDRESS.findall(page.text)]


@pytest.fixture
def app(hotel, house):
    staff.Account.update(language="en").execute()
    db.database.close()
    made = create_app(house)
    made.testing = False  # errors answer as they do in a hotel
    return made


@pytest.fixture
def browser(app):
    """Makes browsers that nobody used yet."""
    return lambda language="en": Browser(app, language)


@pytest.fixture
def desk(browser):
    """Anna's browser, logged in."""
    anna = browser()
    anna.logs_in("anna@Lakeside")
    return anna


@pytest.fixture
def mobile(browser):
    """A guest's phone."""
    return browser()


@pytest.fixture
def links():
    return addresses
