"""Accounts: made, signed in, found again."""

from __future__ import annotations

from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from lockmate import properties
from lockmate.db import transaction
from lockmate.properties.models import Property
from lockmate.staff import audit
from lockmate.staff.actor import PERMISSIONS, Actor
from lockmate.staff.errors import AccountExists, BadAccount, WrongPassword
from lockmate.staff.models import Account

_PASSWORD_MIN = 8


def create_account(
    property: Property, name: str, password: str, role: str, *, language: str = "zh-CN", by: Actor | None = None
) -> Account:
    """A new account; raises BadAccount or AccountExists."""
    name = name.strip()
    if not 0 < len(name) <= 40:
        raise BadAccount(field="name")
    if len(password) < _PASSWORD_MIN:
        raise BadAccount(field="password", least=_PASSWORD_MIN)
    if role not in PERMISSIONS:
        raise BadAccount(field="role", value=role)
    hashed = generate_password_hash(password)
    with transaction():
        if Account.select().where(Account.name == name).exists():
            raise AccountExists(name=name)
        account = Account.create(property=property, name=name, password_hash=hashed, role=role, language=language)
        audit.record(by or Actor.system(property), "staff:create", f"account {account.id}", name=name, role=role)
        return account


def set_sheaf(
    property: Property, *, slot_seconds: int | None = None, overlap_seconds: int | None = None, by: Actor
) -> None:
    """How a hotel's cards are cut into codes: each shown for a slot, and good for the overlap before and after.

    Raises BadProperty.
    """
    by.within(property.id)
    slot = property.slot_seconds if slot_seconds is None else slot_seconds
    overlap = property.overlap_seconds if overlap_seconds is None else overlap_seconds
    with transaction():
        properties.set_sheaf(property, slot, overlap)
        audit.record(by, "property:set", f"property {property.property_id}", slot_seconds=slot, overlap_seconds=overlap)


def sign_in(name: str, password: str, *, property: Property | None = None) -> Actor:
    """Who this is; raises WrongPassword. It takes as long for a name that does not exist."""
    query = Account.select().where(Account.name == name.strip(), Account.active)
    if property is not None:
        query = query.where(Account.property == property)
    account: Account | None = query.first()
    if not check_password_hash(account.password_hash if account else _nobody(), password) or account is None:
        raise WrongPassword
    return _actor(account)


def actor_of(account_id: int) -> Actor | None:
    """The actor of a session; None if the account is gone or closed since."""
    query = Account.select(Account, Property).join(Property).where(Account.id == account_id, Account.active)
    account: Account | None = query.first()
    return _actor(account) if account else None


def _actor(account: Account) -> Actor:
    return Actor(account.id, account.name, account.property, PERMISSIONS[account.role])


@cache
def _nobody() -> str:
    return generate_password_hash("nobody has this name")
