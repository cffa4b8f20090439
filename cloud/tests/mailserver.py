"""A real mail server on this machine: aiosmtpd with TLS, a log-in, and replies that a test chooses."""

from __future__ import annotations

import email
import email.policy
import ssl
import time
from unittest import mock

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from lockmate import pki
from tools.processes import free_port

NAME = "localhost"
PASSWORD = "mail-secret-7"
_REAL = time.time_ns


class Handler:
    """Keeps the letters it takes. `answers`: by address, the replies to RCPT, in turn; the last one stays."""

    def __init__(self):
        self.letters = []
        self.answers = {}
        self.data_answer = None
        self.encrypted = []
        self.users = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        queue = self.answers.get(address, ["250 OK"])
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data_answer:
            return self.data_answer
        self.encrypted.append(session.ssl is not None)
        self.users.append(session.authenticated)
        self.letters.append(
            (envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default))
        )
        return "250 OK"

    def log_in(self, server, session, envelope, mechanism, data):
        good = data.password == PASSWORD.encode() and data.login == b"house"
        return AuthResult(success=good, handled=False)


class MailServer:
    """Start and stop it as often as a test likes; it keeps its port."""

    def __init__(self, folder, property_id):
        self.port = free_port()
        self.handler = Handler()
        self.ca = folder / "mail-ca.pem"
        authority = pki.authority(property_id)
        pki.write_public(self.ca, authority.pem)
        with mock.patch("time.time_ns", _REAL):  # who looks at the certificate has no test clock
            made = authority.server(NAME, ["127.0.0.1"])
        pki.write_private(folder / "mail.key", made.key_pem)
        pki.write_public(folder / "mail.pem", made.pem)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(folder / "mail.pem", folder / "mail.key")
        self._running = None

    def start(self, *, tls=True, log_in=False):
        options = {"tls_context": self._context, "require_starttls": True} if tls else {}
        if log_in:
            options |= {"authenticator": self.handler.log_in, "auth_required": True}
        self._running = Controller(self.handler, hostname="127.0.0.1", port=self.port, **options)
        self._running.start()
        return self

    def stop(self):
        if self._running is not None:
            self._running.stop()
            self._running = None
