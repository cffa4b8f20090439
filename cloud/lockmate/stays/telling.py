"""What a phone is told when its keys change: one notice a phone, written in the verb's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from lockmate import notices
from lockmate.keys.models import Holder, Key
from lockmate.stays.models import Guest, Stay


def tell(stay: Stay, held: Sequence[tuple[Guest, Key]], kind: str, **more: object) -> None:
    """A notice of this kind to each phone that holds one of these keys of a stay.

    Its facts are those of `notices.about`, with `key_id`; `from_room` besides when they moved.
    """
    order = stay.order.number if stay.order is not None else ""
    for holder_id, key_id in {key.holder_id: key.id for _, key in held}.items():
        key = Key.get_by_id(key_id)  # as it is now: a verb may have changed it by a query
        notices.put(Holder.get_by_id(holder_id), kind, notices.about(key, order, key_id=key.key_id, **more))
