"""What people decide about a door: its mode, its weekly hours, its zones; a companion that is down; the clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import clock, doors, fitting
from lockmate.doors import BadRules, Hours
from lockmate.errors import BadField, NotFound
from lockmate.properties import Door, Zone
from lockmate.protocol import MODES, ZONE_MAX
from lockmate.web import answers, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.changing import Question, asked
from lockmate.web.desk.opening import door_here
from lockmate.web.numbers import row_number
from lockmate.web.texts import t, word

_LINES = 8  # of hours on one form: what a policy's 16 intervals carry for a week ahead
_BLANK = 1
_USUAL = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Rules:
    """A door's rules as its page shows them: in words."""

    mode: str
    until: int | None  # ms; None: no end
    hours: list[str]
    zones: str


def rules_facts(door: Door, rules: doors.DoorRules) -> dict[str, object]:
    """What the door should do."""
    wanted = doors.ruling.wanted(door, rules)
    names = dict(_zones(door))
    return {
        "rules": Rules(
            wanted.mode,
            wanted.until_s * 1000 if wanted.until_s else None,
            [_hours_told(hours) for hours in wanted.hours],
            t("site.comma").join(names[bit] for bit in names if door.zones >> bit & 1),
        )
    }


@desk.get("/doors/<id:number>/mode")
@allowed("door:set")
def mode(number: int) -> ResponseReturnValue:
    """Which, and until when?"""
    found = door_here(number)
    wanted, zone = doors.ruling.wanted(found), here().timezone
    until = wanted.until_s * 1000 or clock.now_ms() + int(_USUAL.total_seconds()) * 1000
    return render_template(
        "desk/mode.html",
        layout=answers.layout(),
        door=found,
        wanted=wanted,
        modes=MODES,
        until=times.local(until, zone),
        now=times.local(clock.now_ms(), zone),
    )


@desk.post("/doors/<id:number>/mode")
@allowed("door:set")
def mode_now(number: int) -> ResponseReturnValue:
    """The door's next policy says it; renewed until its end."""
    found, chosen = door_here(number), forms.sent("mode")
    until_s = 0 if chosen == "normal" else forms.moment_of("until", forms.sent("until"), here().timezone) // 1000
    if chosen != "normal" and until_s <= clock.now_s():
        raise BadRules(field="until")
    doors.set_rules(found, mode=chosen, mode_until=until_s, by=actor())
    return _to(found, t("rules.mode_done", door=found.name, mode=word("mode", chosen)))


@desk.get("/doors/<id:number>/hours")
@allowed("door:set")
def hours(number: int) -> ResponseReturnValue:
    """On which days, from when until when?"""
    found = door_here(number)
    lines = [(set(line.days), line.begins, line.ends) for line in doors.ruling.wanted(found).hours]
    lines += [(set(), "", "")] * min(_BLANK, _LINES - len(lines))
    return render_template("desk/hours.html", layout=answers.layout(), door=found, lines=lines)


@desk.post("/doors/<id:number>/hours")
@allowed("door:set")
def hours_now(number: int) -> ResponseReturnValue:
    """Every week from now on; lines without a day are none."""
    found = door_here(number)
    week = []
    for line in range(_LINES):
        days = tuple(sorted({int(day) for day in request.form.getlist(f"days-{line}") if day in "0123456" and day}))
        if days:
            week.append(Hours(days, forms.sent(f"begins-{line}", 5), forms.sent(f"ends-{line}", 5)))
    doors.set_rules(found, schedule=week, by=actor())
    told = t("rules.hours_done", door=found.name) if week else t("rules.hours_none", door=found.name)
    return _to(found, told)


@desk.get("/doors/<id:number>/zones")
@allowed("door:set")
def zones(number: int) -> ResponseReturnValue:
    """In which does it lie?"""
    found = door_here(number)
    return render_template("desk/zones.html", layout=answers.layout(), door=found, zones=_zones(found))


@desk.post("/doors/<id:number>/zones")
@allowed("door:set")
def zones_now(number: int) -> ResponseReturnValue:
    """Keys of these zones open it from now on, those of the others do not."""
    found = door_here(number)
    bits = [row_number(text) for text in request.form.getlist("zone")]
    if None in bits:
        raise BadField(field="zones")
    doors.set_zones(found, [bit for bit in bits if bit is not None], by=actor())
    return _to(found, t("rules.zones_done", door=found.name))


@desk.get("/doors/<id:number>/companions/<id:companion>/retire")
@allowed("companion:retire")
def retire(number: int, companion: int) -> ResponseReturnValue:
    """Is it off the wall?"""
    found = door_here(number)
    board = _companion(found, companion)
    return render_template("desk/retire.html", layout=answers.layout(), door=found, companion=board)


@desk.post("/doors/<id:number>/companions/<id:companion>/retire")
@allowed("companion:retire")
def retire_now(number: int, companion: int) -> ResponseReturnValue:
    """Out of service; its certificate is refused from now on."""
    found = door_here(number)
    board = _companion(found, companion)
    if not request.form.get("down"):
        raise BadField(field="down")
    fitting.boards.retire(board, by=actor())
    return _to(found, t("retire.done", companion=board.companion_id))


@desk.get("/fitting/clocks")
@allowed("property:set")
def clocks() -> ResponseReturnValue:
    """Asks."""
    return asked(
        Question(
            title=t("clocks.title"),
            does=t("clocks.does", now=times.full(clock.now_ms(), here().timezone)),
            also=t("clocks.only_if"),
            go=t("clocks.go"),
            action=url_for("desk.clocks"),
            back=url_for("desk.fit"),
            section="fitting",
            danger=True,
        )
    )


@desk.post("/fitting/clocks")
@allowed("property:set")
def clocks_now() -> ResponseReturnValue:
    """Every door's time begins anew."""
    doors.repair_clock(here(), by=actor())
    flash(t("clocks.done"), "good")
    return redirect(url_for("desk.fit"))


def _to(door: Door, text: str) -> ResponseReturnValue:
    flash(text, "good")
    return redirect(url_for("desk.door", number=door.number))


def _companion(door: Door, row: int) -> doors.Companion:
    """One that is in service at this door; raises NotFound."""
    found = next((one for one in doors.policies.companions_of(door) if one.id == row), None)
    if found is None:
        raise NotFound(what="companion")
    return found


def _zones(door: Door) -> list[tuple[int, str]]:
    """(bit, name): those of the hotel, and those without a name in which the door lies all the same."""
    named = {zone.bit: zone.name for zone in Zone.select().where(Zone.property == door.property)}
    bits = [bit for bit in range(ZONE_MAX + 1) if bit in named or door.zones >> bit & 1]
    return [(bit, named.get(bit, t("rules.zone", bit=bit))) for bit in bits]


def _hours_told(hours: Hours) -> str:
    days = t("site.comma").join(word("weekday", str(day)) for day in hours.days)
    return t("rules.hours_line", days=days, begins=hours.begins, ends=hours.ends)
