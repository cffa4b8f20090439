"""Names and phone numbers as people write them."""

from __future__ import annotations

import re

from lockmate.errors import BadPhone
from lockmate.stays.errors import BadGroup, BadName

_SEPARATORS = re.compile(r"[\s().\-]+")  # \s covers the ideographic space
_PHONE = re.compile(r"\+?[0-9]{6,15}")
_WIDE = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF0B: "+", 0xFF0D: "-"}
_NAME_MAX = 60
_GROUP_MAX = 40


def phone_of(text: str) -> str:
    """The number without blanks and signs: digits, perhaps after a +; raises BadPhone."""
    number = _SEPARATORS.sub("", text.translate(_WIDE))
    if not _PHONE.fullmatch(number):
        raise BadPhone(field="phone")
    return number


def name_of(text: str) -> str:
    """A person's name in one line; raises BadName."""
    name = " ".join(text.split())
    if not 0 < len(name) <= _NAME_MAX or not name.isprintable():
        raise BadName(field="name")
    return name


def group_of(text: str) -> str:
    """The name of a group in one line, empty for none; raises BadGroup."""
    group = " ".join(text.split())
    if len(group) > _GROUP_MAX or not group.isprintable():
        raise BadGroup(field="group")
    return group
