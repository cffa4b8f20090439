"""Dials by TLS on MicroPython's unix port; whatever goes wrong, no socket stays open."""

import asyncio
import errno
import socket

import tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SO_SNDBUF = 7  # Linux


class _Stream(asyncio.StreamReader):
    """A stream that closes its socket itself: after a failed handshake MicroPython's TLS wrapper no longer does."""

    def __init__(self, wrapped: "Any", plain: socket.socket) -> None:
        super().__init__(wrapped)
        self._plain = plain

    async def wait_closed(self) -> None:
        """Close both; nothing is awaited in between, so that the number of the file is nobody else's yet."""
        try:
            await super().wait_closed()  # type: ignore[misc]  # readers and writers are one class here
        finally:
            self._plain.close()


def dial(host: str, port: int, server_name: str, ca: bytes, cert: bytes, key: bytes) -> tuple:
    """(reader, writer) by TLS with both certificates required (DER); the first write connects and shakes hands.

    OSError or ValueError if the address or a certificate is no good.
    """
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(ca)
    context.load_cert_chain(cert, key)
    plain = connecting(host, port)
    try:
        wrapped = context.wrap_socket(plain, server_hostname=server_name, do_handshake_on_connect=False)
    except (OSError, ValueError, MemoryError):
        plain.close()
        raise
    stream = _Stream(wrapped, plain)
    return stream, stream


def connecting(host: str, port: int, send_buffer: int = 0) -> socket.socket:
    """A socket that is being connected. send_buffer: its size, bytes, where it is not the usual one."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    plain = socket.socket(address[0], address[1], address[2])
    try:
        if send_buffer:
            plain.setsockopt(socket.SOL_SOCKET, _SO_SNDBUF, send_buffer)
        plain.setblocking(False)
        plain.connect(address[-1])
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            plain.close()
            raise
    return plain
