"""Update manifests: which firmware a board shall have, signed by the property (protocol section 6)."""

import binascii

from companion.core.fields import Refused, field, integer, read_signed
from companion.core.names import MANIFEST_BYTES_MAX, UPDATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.shapes import Trusts

_VERSION_MAX = 0xFFFFFFFFFFFFF


class Manifest:
    """A manifest whose signature and fields were found right."""

    def __init__(self, document: dict) -> None:
        """Takes the parsed document; raises Refused for a field that is missing or wrong."""
        self.version = integer(document, "version", _VERSION_MAX)
        self.board = field(document, "board")
        self.size = integer(document, "size")  # bytes
        self.sha256 = _digest(field(document, "sha256"))
        if not isinstance(self.board, str) or not self.size:
            raise Refused("bad_field")


def read(wire: bytes, property_id: bytes, trusts: "Trusts", board: str, running: int) -> Manifest:
    """The manifest in a message, for a `board` whose firmware is version `running`; raises Refused.

    wire: slot(1) || signature(64) || JSON; trusts: whoever knows the trusted keys, as the gate's beliefs do.
    """
    manifest = Manifest(read_signed(wire, b"HU1", property_id, trusts, UPDATE, MANIFEST_BYTES_MAX))
    if manifest.board != board:
        raise Refused("other_board")
    if manifest.version <= running:
        raise Refused("old_version")
    return manifest


def _digest(value: object) -> bytes:
    try:
        if not isinstance(value, str) or len(value) != 64:
            raise ValueError
        return binascii.unhexlify(value)
    except ValueError:
        raise Refused("bad_field") from None
