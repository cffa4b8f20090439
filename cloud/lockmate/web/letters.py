"""The words of notices: for the inbox, and for letters (e-mail), which are written in the holder's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lockmate import settings
from lockmate.web import times
from lockmate.web.texts import catalogue

_MOMENTS = ("starts_at", "ends_at", "closes_at")


class Words(NamedTuple):
    """One line that says what happened, and what that means."""

    what: str
    says: str


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "–"


def on() -> bool:
    """Whether this house sends letters."""
    return bool(settings.current().smtp_host)


def words(kind: str, facts: Mapping[str, object], language: str) -> Words:
    """The words of a notice (`notices.KINDS`); moments are said in the hotel's zone."""
    texts = catalogue(language)
    filled = _filled(facts, language)
    says = texts[f"notice.says.{kind}"].format_map(filled)
    if facts.get("order"):
        says += texts["notice.order"].format_map(filled)
    return Words(texts[f"notice.what.{kind}"].format_map(filled), says)


def letter(kind: str, facts: Mapping[str, object], language: str) -> tuple[str, str]:
    """Subject and text of an e-mail: the notice, and where the card is."""
    what, says = words(kind, facts, language)
    texts = catalogue(language)
    hotel = str(facts.get("hotel") or texts["site.name"])
    subject = " ".join(texts["letter.subject"].format(hotel=hotel, what=what).split())
    card = f"{settings.current().public_url.rstrip('/')}/g/card"
    return subject, "\n\n".join((what, says, texts["letter.card"].format(url=card), texts["letter.why"])) + "\n"


def _filled(facts: Mapping[str, object], language: str) -> _Facts:
    filled = _Facts({name: str(value) for name, value in facts.items()})
    zone = str(facts.get("timezone") or "UTC")
    for name in _MOMENTS:
        at = facts.get(name)
        if isinstance(at, int):
            filled[name] = times.full(at, zone, language)
    return filled
