"""Staff keys: given to a waiting phone by zones and shift, ended, all raised at once; the printed emergency set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from peewee import fn

from lockmate import claims, clock, doors, keys
from lockmate.claims import Claim, ClaimEnded
from lockmate.doors import Companion, Policy
from lockmate.errors import BadField, NotFound
from lockmate.keys import Key
from lockmate.properties import Door, Property, Zone
from lockmate.protocol import EMERGENCY, LIVES, ZONE_MAX
from lockmate.web import answers, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.changing import Question, asked, card_names
from lockmate.web.desk.claiming import Waiting
from lockmate.web.numbers import row_number
from lockmate.web.security import limiter
from lockmate.web.texts import t, word

JOBS = ("housekeeping", "maintenance", "manager", "emergency")
EPOCHS = ("staff", "emergency")
_SHIFT = timedelta(hours=9)


@dataclass(frozen=True, slots=True)
class StaffKey:
    """A key as the list shows it."""

    key: Key
    zones: str
    phone: str


@desk.get("/staff-keys")
@allowed("staff_key:issue")
def staff_keys() -> ResponseReturnValue:
    """The keys in force, the phones that wait, and what ends all at once."""
    return render_template("desk/staff_keys.html", **_facts(here()))


@desk.get("/staff-keys/claims")
@allowed("staff_key:issue")
def staff_claims() -> ResponseReturnValue:
    """The phones that wait, asked for again and again."""
    return answers.live("desk/staff_claims.html", **_waiting(here()))


@desk.get("/staff-keys/doors")
@allowed("staff_key:issue")
def staff_doors() -> ResponseReturnValue:
    """What the doors confirmed of their newest rules, asked for again and again."""
    return answers.live("desk/staff_doors.html", **_confirmed(here()))


def _facts(property: Property) -> dict[str, object]:
    names = {zone.bit: zone.name for zone in _zones(property)}
    rows = [
        StaffKey(key, zone_names(key, names), answers.masked(key.holder.phone) if key.holder is not None else "")
        for key in keys.staff_keys(property)
    ]
    return {"keys": rows, "zone": property.timezone, **_waiting(property), **_confirmed(property)}


def _waiting(property: Property) -> dict[str, object]:
    rows = [Waiting(row.claim, answers.masked(row.claim.phone), row.duplicate) for row in claims.waiting(property)]
    return {"claims": rows, "zone": property.timezone}


def _confirmed(property: Property) -> dict[str, object]:
    """How many doors with a companion hold their newest rules, and the names of those that do not."""
    newest = Policy.select(Policy.door, fn.MAX(Policy.version).alias("version")).group_by(Policy.door).alias("newest")
    served = Companion.select(Companion.door).where(Companion.property == property, Companion.state == "in_service")
    query = (
        Policy.select(Door.name, Policy.confirmed_at)
        .join(Door)
        .switch(Policy)
        .join(newest, on=(Policy.door == newest.c.door_id) & (Policy.version == newest.c.version))
        .where(Door.property == property, Door.id.in_(served))
        .order_by(Door.number)
    )
    rows: Any = query.tuples()
    behind = [name for name, confirmed_at in rows if confirmed_at is None]
    return {"doors_total": len(rows), "doors_behind": behind}


def _zones(property: Property) -> list[Zone]:
    return list(Zone.select().where(Zone.property == property).order_by(Zone.bit))


def zone_names(key: Key, names: dict[int, str]) -> str:
    """The zones of a key in words."""
    bits = [bit for bit in range(ZONE_MAX + 1) if key.zones >> bit & 1]
    if len(bits) > ZONE_MAX:
        return t("staff_keys.all_zones")
    return t("site.comma").join(names.get(bit, str(bit)) for bit in bits)


@desk.get("/staff-keys/issue")
@allowed("staff_key:issue")
def issue_staff_key() -> ResponseReturnValue:
    """For the person whose phone waits: compare, and say for which zones and how long."""
    number = row_number(request.args.get("claim"))
    row = next((row for row in claims.waiting(here()) if row.claim.id == number), None)
    if row is None:
        raise ClaimEnded
    zone, now = here().timezone, clock.now_ms()
    return render_template(
        "desk/issue_staff_key.html",
        layout=answers.layout(),
        claim=row.claim,
        last4=row.claim.phone[-4:],
        duplicate=row.duplicate,
        jobs=JOBS,
        zones=_zones(here()),
        starts=f"{times.local(now, zone):%Y-%m-%dT%H:%M}",
        ends=f"{times.local(now + int(_SHIFT.total_seconds()) * 1000, zone):%Y-%m-%dT%H:%M}",
    )


@desk.post("/staff-keys/issue")
@allowed("staff_key:issue")
@limiter.limit("60/minute")
def issue_staff_key_now() -> ResponseReturnValue:
    """The key, on that phone."""
    claim = Claim.of(here(), forms.row_of("claim"))
    job, who, zone = forms.sent("job"), forms.sent("who", 40), here().timezone
    if job not in JOBS:
        raise BadField(field="job")
    if not who:
        raise BadField(field="who")
    claims.confirm_staff(
        claim,
        request.form.get("code", ""),
        request.form.get("last4", ""),
        zones=_mask(request.form.getlist("zone")),
        label=f"{who} · {word('staff_job', job)}",
        starts_at=forms.moment_of("starts", forms.sent("starts"), zone),
        ends_at=forms.moment_of("ends", forms.sent("ends"), zone),
        kind="emergency" if job == "emergency" else "staff",
        by=actor(),
    )
    flash(t("staff_keys.issued", who=who), "good")
    return redirect(url_for("desk.staff_keys"))


def _mask(texts: list[str]) -> int:
    """The zones that were ticked; raises BadField."""
    bits = {row_number(text) for text in texts}
    known = {zone.bit for zone in _zones(here())}
    mask = 0
    for bit in bits:
        if bit is None or bit not in known:
            raise BadField(field="zones")
        mask |= 1 << bit
    if not mask:
        raise BadField(field="zones")
    return mask


@desk.get("/staff-keys/<id:key_id>/end")
@allowed("staff_key:raise")
def end_staff_key(key_id: int) -> ResponseReturnValue:
    """Asks."""
    key = _key(key_id)
    return asked(
        Question(
            title=t("staff_keys.end_title", label=key.label),
            does=t("staff_keys.end_does"),
            go=t("staff_keys.end_go"),
            action=url_for("desk.end_staff_key", key_id=key.id),
            back=url_for("desk.staff_keys"),
            section="staff_keys",
            danger=True,
            also=_also(key),
        )
    )


def _also(key: Key) -> str:
    """What else that phone holds in this hotel; empty for a sheet, or where it holds no more."""
    held = keys.keys_of(key.holder, property=here()) if key.holder is not None else []
    now = clock.now_ms()
    others = card_names(one for one in held if one.id != key.id and one.state != "ended" and one.ends_at > now)
    return t("staff_keys.also", cards=t("site.comma").join(others)) if others else ""


@desk.post("/staff-keys/<id:key_id>/end")
@allowed("staff_key:raise")
def end_staff_key_now(key_id: int) -> ResponseReturnValue:
    """A phone or a sheet is lost: this key ends."""
    key = _key(key_id)
    doors.end_staff_key(key, keys.holders.LOST, by=actor())
    flash(t("staff_keys.ended", label=key.label), "good")
    return redirect(url_for("desk.staff_keys"))


def _key(key_id: int) -> Key:
    found = Key.get_or_none(Key.id == key_id, Key.property == here(), Key.kind != "guest")
    if found is None:
        raise NotFound(what="key")
    return found


@desk.get("/staff-keys/raise")
@allowed("staff_key:raise")
def raise_epoch() -> ResponseReturnValue:
    """Asks; `kind` is whose."""
    kind = _kind(request.args.get("kind", ""))
    return asked(
        Question(
            title=t(f"raise_epoch.{kind}_title"),
            does=t(f"raise_epoch.{kind}_does"),
            go=t("raise_epoch.go"),
            action=url_for("desk.raise_epoch", kind=kind),
            back=url_for("desk.staff_keys"),
            section="staff_keys",
            danger=True,
        )
    )


@desk.post("/staff-keys/raise")
@allowed("staff_key:raise")
def raise_epoch_now() -> ResponseReturnValue:
    """Every token in anybody's hand ends."""
    kind = _kind(request.args.get("kind", ""))
    doors.raise_epoch(here(), kind, by=actor())
    flash(t(f"raise_epoch.{kind}_done"), "good")
    return redirect(url_for("desk.staff_keys"))


def _kind(text: str) -> str:
    if text not in EPOCHS:
        raise BadField(field="kind")
    return text


@desk.get("/staff-keys/printed")
@allowed("staff_key:raise")
def printed_set() -> ResponseReturnValue:
    """Asks."""
    return asked(
        Question(
            title=t("printed.title"),
            does=t("printed.does"),
            go=t("printed.go"),
            action=url_for("desk.printed_set"),
            back=url_for("desk.staff_keys"),
            section="staff_keys",
        )
    )


@desk.post("/staff-keys/printed")
@allowed("staff_key:raise")
@limiter.limit("6/minute")
def printed_set_now() -> ResponseReturnValue:
    """The sheets, shown once."""
    until = clock.now_ms() + LIVES[EMERGENCY] * 1000
    sheets = keys.printed_set(here(), by=actor())
    return render_template("desk/printed.html", sheets=sheets, until=until, zone=here().timezone, property=here())
