"""What must go out: rows written in the transaction that makes them needed, delivered by a worker."""

from __future__ import annotations

from lockmate.outbox.models import Outbox
from lockmate.outbox.verbs import again, dead, due, failed, lease, pending, put, sent

__all__ = ["Outbox", "again", "dead", "due", "failed", "lease", "pending", "put", "sent"]
