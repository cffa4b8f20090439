"""A browser without a screen: keeps cookies, reads a page's forms as they were served, sends them filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 15  # s


class BrowserError(Exception):
    """A page did not answer as a person would expect; the text says which page and what it said."""


@dataclass
class Form:
    """One form of a page: where it goes, how, and the fields it came with (hidden ones included).

    repeated: the values of those fields that it holds more than once.
    """

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects forms, links and the readable text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._form: Form | None = None
        self._select = ""
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag in {"script", "style"}:
            self._silent += 1
        elif tag == "form":
            self._form = Form(facts.get("action", ""), facts.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "a" and "href" in facts:
            self.links.append(facts["href"])
        elif self._form is not None:
            self._field(self._form, tag, facts)

    def _field(self, form: Form, tag: str, facts: dict[str, str]) -> None:
        name = facts.get("name", "")
        if tag == "option" and self._select:
            form.choices[self._select].append(facts.get("value", ""))
            if "selected" in facts or self._select not in form.fields:
                form.fields[self._select] = facts.get("value", "")
        elif tag == "select" and name:
            self._select = name
            form.choices[name] = []
            form.names.append(name)
        elif tag == "textarea" and name:
            form.fields[name] = ""
            form.names.append(name)
        elif tag == "input" and name and "disabled" not in facts:
            form.names.append(name)
            kind = facts.get("type", "text")
            if kind in {"radio", "checkbox"}:
                form.choices.setdefault(name, []).append(facts.get("value", "on"))
                if "checked" in facts:
                    form.fields[name] = facts.get("value", "on")
            elif kind not in {"submit", "button", "image", "file"}:
                if name in form.fields:
                    form.repeated.setdefault(name, [form.fields[name]]).append(facts.get("value", ""))
                form.fields[name] = facts.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._silent -= 1
        elif tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(" ".join(data.split()))


class Page:
    """What a request brought, after redirects."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.url = answer.url
        self.path = urlsplit(answer.url).path
        self._reader = _Reader()
        if "html" in answer.headers.get("Content-Type", ""):
            self._reader.feed(answer.text)
        self.forms = self._reader.forms
        self.links = self._reader.links
        self.text = " ".join(self._reader.words)

    def json(self) -> Any:
        """The body as JSON."""
        return self.answer.json()

    def form(self, action: str) -> Form:
        """The form whose action (without one: whose page) matches a pattern in full; BrowserError if there is none."""
        for form in self.forms:
            place = urlsplit(urljoin(self.url, form.action)).path
            if re.fullmatch(action, place):
                return form
        there = ", ".join(sorted({urlsplit(urljoin(self.url, form.action)).path for form in self.forms})) or "none"
        raise BrowserError(f"{self.path} has no form to {action} (forms: {there}); it says: {self.text[:400]}")

    def link(self, pattern: str) -> str:
        """The first link that matches a pattern in full; BrowserError if there is none."""
        for link in self.links:
            if re.fullmatch(pattern, urlsplit(urljoin(self.url, link)).path):
                return urljoin(self.url, link)
        raise BrowserError(f"{self.path} has no link to {pattern}; it says: {self.text[:400]}")


class Browser:
    """One person's browser: cookies, language, pages."""

    def __init__(self, base: str, language: str = "en") -> None:
        self.base = base.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Accept-Language"] = language
        self._session.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) lockmate-tools"
        self._session.trust_env = False

    @property
    def cookies(self) -> dict[str, str]:
        """What the site has left here."""
        return {cookie.name: cookie.value or "" for cookie in self._session.cookies}

    def get(self, place: str, *, expect: int | None = 200, accept: str = "text/html") -> Page:
        """Open a page (a path or a whole address)."""
        where = urljoin(self.base + "/", place)
        return self._seen(self._session.get(where, headers={"Accept": accept}, timeout=_TIMEOUT), expect)

    def submit(self, page: Page, action: str, *, expect: int | None = 200,
               fields: Mapping[str, str | list[str]] | None = None, **more: str | list[str]) -> Page:
        """Fill in the form of `page` that goes to `action` (a pattern) and send it, as its method says.

        A field the form doesn't have is refused here: a person couldn't fill it in either.
        """
        form = page.form(action)
        fields = {**(fields or {}), **more}
        strange = set(fields) - set(form.names)
        if strange:
            raise BrowserError(f"the form to {form.action} of {page.path} has no {sorted(strange)}, only {form.names}")
        where = urljoin(page.url, form.action)
        filled = {**form.fields, **form.repeated, **fields}
        # what a browser tells with a form it sends: Flask-WTF and the like look at where it came from
        told = {"Referer": page.url, "Origin": self.base}
        if form.method == "get":
            return self._seen(self._session.get(where, params=filled, headers=told, timeout=_TIMEOUT), expect)
        return self._seen(self._session.post(where, data=filled, headers=told, timeout=_TIMEOUT), expect)

    def post(self, place: str, fields: dict[str, str], *, expect: int | None = None) -> Page:
        """Send fields without a form: for what must be refused."""
        return self._seen(self._session.post(urljoin(self.base + "/", place), data=fields, timeout=_TIMEOUT), expect)

    def ask(self, place: str, token: str) -> Page:
        """What a page's script sends with the page's token: a POST that wants JSON; any status."""
        told = {"Accept": "application/json", "X-CSRFToken": token, "Referer": f"{self.base}/", "Origin": self.base}
        return self._seen(self._session.post(urljoin(self.base + "/", place), headers=told, timeout=_TIMEOUT), None)

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _seen(answer: requests.Response, expect: int | None) -> Page:
        page = Page(answer)
        if expect is not None and page.status != expect:
            said = page.text or answer.text
            asked = f"{answer.request.method} {urlsplit(answer.url).path}"
            raise BrowserError(f"{asked} answered {page.status}, not {expect}: {said[:400]}")
        return page
