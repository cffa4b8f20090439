"""What may be wrong with a notice."""

from __future__ import annotations

from lockmate.errors import BadField


class BadNotice(BadField):
    """A kind that nobody would find words for."""

    code = "bad_notice"
