"""How an installer's laptop gets in: a code from the desk, good once and for minutes, for a session of one shift."""

from __future__ import annotations

import hashlib
import secrets

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.fitting.errors import SessionOver, WrongCode
from lockmate.fitting.models import EnrolmentCode, InstallerSession
from lockmate.properties.models import Property
from lockmate.staff import PERMISSIONS, Actor, audit

CODE_MS = 15 * 60_000
SESSION_MS = 12 * 3_600_000
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_ALIKE = str.maketrans("ILO", "110", " -")  # and no blanks
_LENGTH = 10  # 50 bits, for minutes, behind a limit by address


def make(property: Property, *, by: Actor) -> str:
    """A new enrolment code, as people read it: `7KQ2M-4XPVT`."""
    by.within(property.id)
    code = random_code(_LENGTH)
    now = clock.now_ms()
    with transaction():
        EnrolmentCode.delete().where(EnrolmentCode.ends_at < now, EnrolmentCode.used_at.is_null()).execute()
        made = EnrolmentCode.create(
            property=property, code_hash=_hash(code), actor=by.name, made_at=now, ends_at=now + CODE_MS
        )
        audit.record(by, "installer:code", f"code {made.id}")
    return f"{code[:5]}-{code[5:]}"


def sign_in(code: str, laptop: str) -> tuple[InstallerSession, str]:
    """A session for the laptop that brings a code, and its secret. Raises WrongCode."""
    now = clock.now_ms()
    with transaction():
        found: EnrolmentCode | None = EnrolmentCode.get_or_none(EnrolmentCode.code_hash == _hash(tidy(code)))
        if found is None or found.used_at is not None or found.ends_at <= now:
            raise WrongCode
        EnrolmentCode.update(used_at=now).where(EnrolmentCode.id == found.id).execute()
        secret = secrets.token_urlsafe(32)
        session = InstallerSession.create(
            property=found.property,
            secret_hash=_hash(secret),
            laptop=laptop.strip()[:40] or "?",
            actor=found.actor,
            made_at=now,
            ends_at=now + SESSION_MS,
        )
        audit.record(actor_of(session), "installer:sign_in", f"session {session.id}", laptop=session.laptop)
        return session, secret


def session_of(secret: str) -> InstallerSession:
    """The session that this secret proves. Raises SessionOver."""
    found: InstallerSession | None = InstallerSession.get_or_none(InstallerSession.secret_hash == _hash(secret))
    if found is None or found.ended_at is not None or found.ends_at <= clock.now_ms():
        raise SessionOver
    return found


def actor_of(session: InstallerSession) -> Actor:
    """Who the audit trail names: the account that made the code, and the laptop."""
    return Actor(None, f"{session.actor} ({session.laptop})"[:60], session.property, PERMISSIONS["installer"])


def sessions(property: Property) -> list[InstallerSession]:
    """Those that can still be used, newest first."""
    live = (InstallerSession.ended_at.is_null(), InstallerSession.ends_at > clock.now_ms())
    query = InstallerSession.select().where(InstallerSession.property == property, *live)
    return list(query.order_by(InstallerSession.id.desc()))


def end(property: Property, session_id: int, *, by: Actor) -> None:
    """A laptop is let out at once. Raises NotFound."""
    by.within(property.id)
    with transaction():
        mine = (InstallerSession.id == session_id, InstallerSession.property == property)
        if not InstallerSession.update(ended_at=clock.now_ms()).where(*mine).execute():
            raise NotFound(what="session")
        audit.record(by, "installer:end", f"session {session_id}")


def random_code(length: int) -> str:
    """Letters that people don't take for each other."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def tidy(code: str) -> str:
    """A code as it was made, from the way a person typed it."""
    return code.upper().translate(_ALIKE)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
