"""MicroPython's TLS over mbedTLS, with the attributes its published stub leaves out."""

from typing import Any, Final

PROTOCOL_TLS_CLIENT: Final[int]
PROTOCOL_TLS_SERVER: Final[int]
CERT_NONE: Final[int]
CERT_OPTIONAL: Final[int]
CERT_REQUIRED: Final[int]
MBEDTLS_VERSION: Final[str]

class SSLContext:
    verify_mode: int
    verify_callback: Any
    def __init__(self, protocol: int, /) -> None: ...
    def load_verify_locations(self, cadata: bytes) -> None: ...
    def load_cert_chain(self, certificate: bytes, key: bytes) -> None: ...
    def set_ciphers(self, suites: list[str]) -> None: ...
    def get_ciphers(self) -> list[str]: ...
    def wrap_socket(
        self,
        sock: Any,
        *,
        server_side: bool = ...,
        do_handshake_on_connect: bool = ...,
        server_hostname: str | None = ...,
    ) -> Any: ...
