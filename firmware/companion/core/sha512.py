"""SHA-512: the platform's own where it has one, else native code that passed a known-answer test, else big integers."""

import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Digest = Callable[[bytes], bytes]

_ABC = (  # FIPS 180-4 example: the digest of b"abc"
    b"\xdd\xaf\x35\xa1\x93\x61\x7a\xba\xcc\x41\x73\x49\xae\x20\x41\x31"
    b"\x12\xe6\xfa\x4e\x89\xa9\x7e\xa2\x0a\x9e\xee\xe6\x4b\x55\xd3\x9a"
    b"\x21\x92\x99\x2a\x27\x4f\xc1\xa8\x36\xba\x3c\x23\xa3\xfe\xeb\xbd"
    b"\x45\x4d\x44\x23\x64\x3c\xe8\x0e\x2a\x9a\xc9\x4f\xa5\x4c\xa4\x9f"
)


def _platform() -> "Digest | None":
    """The platform's function, or None (MicroPython's hashlib has SHA-256 only)."""
    native = getattr(hashlib, "sha512", None)
    return None if native is None else lambda data: native(data).digest()


def _viper() -> "Digest | None":
    """The native-code function, or None where it cannot be loaded or is wrong."""
    try:
        from companion.core import sha512_viper as native
    except (ImportError, SyntaxError, ValueError, MemoryError):
        return None

    def digest(data: bytes) -> bytes:
        out = bytearray(64)
        native.begin()
        native.add(data, len(data))
        native.finish(out)
        return bytes(out)

    return digest if digest(b"abc") == _ABC else None


def _plain() -> "Digest":
    from companion.core.sha512_plain import sha512 as plain

    return plain


_digest = _platform() or _viper() or _plain()


def sha512(data: bytes) -> bytes:
    """The 64-byte digest of `data` (bytes, bytearray or memoryview)."""
    return _digest(data)
