"""Holders: browsers that hold a guest's cards, known by a random secret of which only the hash is kept."""

from __future__ import annotations

import hashlib
import secrets

from lockmate import clock
from lockmate.db import transaction
from lockmate.keys.models import Holder

_SECRET_BYTES = 32


def new(language: str = "zh-CN") -> tuple[Holder, str]:
    """A new holder and its secret, which goes into the cookie and is kept nowhere else."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction():
        holder = Holder.create(secret_hash=_hash(secret), language=language, made_at=clock.now_ms())
    return holder, secret


def of(secret: str) -> Holder | None:
    """Whose secret this is; None for one that was never given."""
    return Holder.get_or_none(Holder.secret_hash == _hash(secret))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
