"""Holders: who holds cards, in one browser or several; known by random secrets of which only the hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.keys.errors import BadEmail, CarryEnded
from lockmate.keys.models import Browser, Carry, Holder, Key
from lockmate.properties.models import Property
from lockmate.staff import Actor, audit

CARRY_MS = 10 * 60 * 1000
LOST = "lost"  # why a key ended: its phone or sheet is gone
_SECRET_BYTES = 32
_SELECTOR_BYTES = 8
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_EMAIL_MAX = 120


def new(language: str = "zh-CN") -> tuple[Holder, str]:
    """A new holder and its secret, which goes into the cookie and is kept nowhere else."""
    secret = _secret()
    with transaction():
        holder = Holder.create(secret_hash=_hash(secret), language=language, made_at=clock.now_ms())
    return holder, secret


def of(secret: str) -> Holder | None:
    """Whose secret this is; None for one that was never given."""
    hashed = _hash(secret)
    first = Holder.get_or_none(Holder.secret_hash == hashed)
    if first is not None:
        return first
    other: Holder | None = Holder.select().join(Browser).where(Browser.secret_hash == hashed).first()
    return other


def was_lost(holder: Holder) -> bool:
    """Whether a guest's phone was told lost: no other stay gives a key to any browser that shares its cards."""
    found: bool = Key.select().where(Key.holder == holder, Key.end_reason == LOST, Key.kind == "guest").exists()
    return found


def is_spent(holder: Holder) -> bool:
    """Whether who claims again begins anew: after a loss, or where an earlier stay's cards were carried elsewhere.

    Else a browser that once shared a card would share those of all later stays.
    """
    if was_lost(holder):
        return True
    if not Browser.select().where(Browser.holder == holder).exists():
        return False
    mine = Key.select().where(Key.holder == holder)
    in_force = mine.where(Key.state != "ended", Key.ends_at > clock.now_ms()).exists()
    return not in_force or bool(mine.where(Key.end_reason == LOST).exists())


def set_email(holder: Holder, address: str) -> None:
    """Where letters to this holder go; empty: none. Raises BadEmail."""
    address = address.strip()
    if address and (len(address) > _EMAIL_MAX or not _EMAIL.fullmatch(address)):
        raise BadEmail(field="email")
    with transaction():
        Holder.update(email=address).where(Holder.id == holder.id).execute()
    holder.email = address


def carry_link(holder: Holder) -> str:
    """The secret of a link that takes this holder's cards to one more browser: once, within ten minutes.

    A new one ends those that were not taken. Raises NotFound for who holds no card.
    """
    selector, proof = secrets.token_hex(_SELECTOR_BYTES), _secret()
    now = clock.now_ms()
    with transaction():
        hotels = _hotels_of(holder)
        if not hotels:
            raise NotFound(what="key")
        Carry.delete().where(Carry.holder == holder, Carry.taken_at.is_null()).execute()
        Carry.create(holder=holder, selector=selector, secret_hash=_hash(proof), made_at=now, ends_at=now + CARRY_MS)
        _record(holder, hotels, "holder:carry_link")
    return f"{selector}.{proof}"


def offered_by(secret: str) -> Holder:
    """Whose cards a link would bring; it stays to be taken. Raises CarryEnded."""
    holder: Holder = _carry(secret, clock.now_ms()).holder
    return holder


def take(secret: str) -> tuple[Holder, str]:
    """The link was opened in another browser: its holder, and that browser's own secret. Raises CarryEnded."""
    now = clock.now_ms()
    with transaction():
        carry = _carry(secret, now)
        Carry.update(taken_at=now).where(Carry.id == carry.id).execute()
        own = _secret()
        Browser.create(holder=carry.holder_id, secret_hash=_hash(own), made_at=now)
        holder: Holder = carry.holder
        _record(holder, _hotels_of(holder), "holder:carried")
        return holder, own


def _carry(secret: str, now: int) -> Carry:
    """The row of a link that may still be taken; raises CarryEnded."""
    selector, _, proof = secret.partition(".")
    carry: Carry | None = Carry.get_or_none(Carry.selector == selector)
    kept = carry.secret_hash if carry is not None else _hash("")
    if not hmac.compare_digest(kept, _hash(proof)) or carry is None:
        raise CarryEnded
    if carry.taken_at is not None or carry.ends_at <= now:
        raise CarryEnded
    return carry


def actor(holder: Holder, property: Property) -> Actor:
    """A holder as the audit trail of a property names it; it has no permission of the staff's."""
    return Actor(None, f"holder {holder.id}", property, frozenset())


def _hotels_of(holder: Holder) -> list[Property]:
    mine = Key.select(Key.property).where(Key.holder == holder)
    return list(Property.select().where(Property.id.in_(mine)).order_by(Property.id))


def _record(holder: Holder, hotels: list[Property], verb: str) -> None:
    """In every hotel that this holder has cards of."""
    for hotel in hotels:
        audit.record(actor(holder, hotel), verb, f"holder {holder.id}")


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
