"""What a signature covers: COSE_Sign1 with implied headers (RFC 9052; protocol section 2)."""

_HEAD = b"\x84\x6aSignature1\x43\xa1\x01\x32"  # array(4), context, protected header {1: -19}


def to_be_signed(aad: bytes, payload: bytes) -> bytes:
    """The Sig_structure over `aad` and `payload`, each shorter than 65,536 bytes."""
    return before_payload(aad, len(payload)) + payload


def before_payload(aad: bytes, size: int) -> bytes:
    """What of the Sig_structure stands before a payload of `size` bytes."""
    return _HEAD + _bstr_head(len(aad)) + aad + _bstr_head(size)


def _bstr_head(size: int) -> bytes:
    """The head of a CBOR byte string, in its shortest form (RFC 8949 section 3)."""
    if size < 24:
        return bytes((0x40 + size,))
    if size < 256:
        return bytes((0x58, size))
    return bytes((0x59, size >> 8, size & 255))
