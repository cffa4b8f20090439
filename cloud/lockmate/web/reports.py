"""When a step of the desk fails: the same step once more, and a report that the desk can send to the support."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, request

from lockmate import clock
from lockmate.staff import Actor
from lockmate.stays import ChangedMeanwhile
from lockmate.web import times
from lockmate.web.texts import word

_RETRY_MAX = 16 * 1024  # characters of a form that is offered again


@dataclass(frozen=True, slots=True)
class Told:
    """The report's text; `action` and `fields` are the step that failed, if it can be sent once more."""

    report: str
    action: str
    fields: list[tuple[str, str]] | None


def about(room: str) -> None:
    """Remember the room that this request is about, for a report."""
    g.about_room = room


def of(code: str, status: int, facts: dict[str, object]) -> Told | None:
    """What the page of a failure offers; None for who is not signed in."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        return None
    room = str(facts.get("room") or g.get("about_room", "–"))
    now, zone = clock.now_ms(), actor.property.timezone
    lines = (
        ("hotel", f"{actor.property.name} ({actor.property.property_id})"),
        ("room", room),
        ("time", f"{times.local(now, zone):%Y-%m-%d %H:%M:%S} ({zone}) = {times.iso(now)}"),
        ("code", f"{code} ({status})"),
        ("step", f"{request.method} {request.path}"),
        ("by", actor.name),
    )
    text = "\n".join(f"{word('report', name)}: {value}" for name, value in lines)
    again = None if code == ChangedMeanwhile.code else _fields()  # the page must be seen anew first
    return Told(text, request.full_path.rstrip("?"), again)


def _fields() -> list[tuple[str, str]] | None:
    """What was sent, but for its token; None where there is nothing to send again."""
    if request.method != "POST" or request.content_length is None or request.content_length > _RETRY_MAX:
        return None
    if request.files:
        return None
    return [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
