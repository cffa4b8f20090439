"""Signed documents: slot(1) || signature(64) || JSON, and the fields in them (protocol section 6)."""

import json

from companion.core.signed import before_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.shapes import Trusts

HEAD = 65  # slot and signature, bytes
_U32 = 0xFFFFFFFF


class Refused(ValueError):
    """A document the door does not take; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_signed(wire: bytes, context: bytes, scope: bytes, trusts: "Trusts", kind: int, most: int) -> dict:
    """The JSON object in `wire`, signed by a key that is trusted for `kind`; raises Refused.

    The aad is context || slot || scope. Nothing of the JSON, at most `most` bytes, is parsed before its
    signature is verified.
    """
    if len(wire) <= HEAD:
        raise Refused("too_short")
    if len(wire) > HEAD + most:
        raise Refused("too_long")
    verifier = trusts.verifier(wire[0], kind)
    if verifier is None:
        raise Refused("unknown_slot")
    body = memoryview(wire)[HEAD:]  # 4 KB that are not copied
    if not verifier.verify(before_payload(context + wire[:1] + scope, len(body)), wire[1:HEAD], body):
        raise Refused("forged")
    try:
        document = _parsed(body)
    except ValueError:
        raise Refused("not_json") from None
    if not isinstance(document, dict):
        raise Refused("not_json")
    return document


def _parsed(body: memoryview) -> object:
    """A JSON text: MicroPython takes it where it lies, other Pythons want bytes."""
    try:
        return json.loads(body)  # type: ignore[type-var]
    except TypeError:
        return json.loads(bytes(body))


def field(document: dict, name: str) -> object:
    """A member that must be there."""
    if name not in document:
        raise Refused("field_missing")
    return document[name]


def integer(document: dict, name: str, most: int = _U32) -> int:
    """A member that is a number from 0 to `most`."""
    return bounded(field(document, name), 0, most)


def bounded(value: object, least: int, most: int) -> int:
    """A value that is a number within bounds; a bool is no number."""
    if type(value) is not int or not least <= value <= most:
        raise Refused("bad_field")
    return value


def word(document: dict, name: str, words: tuple[str, ...]) -> str:
    """A member that is one of some words."""
    value = field(document, name)
    if not isinstance(value, str) or value not in words:
        raise Refused("bad_field")
    return value


def sequence(value: object, most: int) -> list:
    """A value that is a list of at most `most` members."""
    if not isinstance(value, list) or len(value) > most:
        raise Refused("bad_field")
    return value
