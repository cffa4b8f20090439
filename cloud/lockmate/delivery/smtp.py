"""The letters' channel: outbox rows as e-mail, by the house's mail server. Nothing of a letter's text is logged.

Nothing is leased while the server is away, so waiting costs no attempt; a letter not sent within a day is dead.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from lockmate import outbox
from lockmate.notices import CHANNEL
from lockmate.settings import SMTPS_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockmate.mqtt import Stop
    from lockmate.outbox import Outbox
    from lockmate.settings import Settings

_LOG = logging.getLogger("lockmate.delivery")
_LEASE_MAX = 5
_SECONDS = 10.0  # to connect, and for each of the five answers to a letter: a lease outlasts them
_LEASE_MS = 300_000
_FOR_EVER = range(500, 600)  # SMTP reply codes that mean: do not try again (RFC 5321 section 4.2.1)


class Letters:
    """See the head of this file. `render(kind, facts, language)` gives subject and body; it comes from the root."""

    def __init__(
        self, settings: Settings, render: Callable[[str, dict[str, Any], str], tuple[str, str]], stop: Stop
    ) -> None:
        self._settings = settings
        self._render = render
        self._stop = stop
        self._password = settings.smtp_password()
        self._sender = settings.smtp_from

    def deliver(self) -> int:
        """Send what is due, in one connection; how many went. Raises OSError if the server is away."""
        if not outbox.due(CHANNEL):
            return 0
        server = self._connected()
        try:
            return self._send_all(server)
        finally:
            _hang_up(server)

    def _send_all(self, server: smtplib.SMTP) -> int:
        gone = 0
        while rows := outbox.lease(CHANNEL, _LEASE_MAX, lease_ms=_LEASE_MS):
            for n, row in enumerate(rows):
                try:
                    if self._stop.requested:
                        raise OSError("asked to end")
                    gone += self._send(server, row)
                except OSError as error:
                    _LOG.warning("event=letters_left rows=%d why=%r", len(rows) - n, _told(error))
                    for left in rows[n:]:
                        outbox.failed(left, _told(error))
                    return gone
        return gone

    def _connected(self) -> smtplib.SMTP:
        """Connected, encrypted, logged in; never in clear where encryption is asked for."""
        chosen = self._settings
        server: smtplib.SMTP
        if chosen.smtp_port == SMTPS_PORT:
            server = smtplib.SMTP_SSL(chosen.smtp_host, chosen.smtp_port, timeout=_SECONDS, context=self._context())
        else:
            server = smtplib.SMTP(chosen.smtp_host, chosen.smtp_port, timeout=_SECONDS)
        try:
            if chosen.smtp_starttls and chosen.smtp_port != SMTPS_PORT:
                server.starttls(context=self._context())
            if chosen.smtp_user:
                server.login(chosen.smtp_user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._settings.smtp_ca) if self._settings.smtp_ca else None)

    def _send(self, server: smtplib.SMTP, row: Outbox) -> bool:
        """One letter; raises only if the connection is gone."""
        try:
            letter = self._letter(row)
        except Exception:  # noqa: BLE001  logged; a letter without words must not hold up the others
            _LOG.exception("event=letter_not_written row=%s", row.id)
            outbox.failed(row, "no words", final=True)
            return False
        try:
            server.send_message(letter, self._sender, [row.address])
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as error:
            final = _is_final(error)
            _LOG.error("event=letter_refused row=%s final=%s why=%r", row.id, final, _told(error))
            outbox.failed(row, _told(error), final=final)
            return False
        outbox.sent(row)
        _LOG.info("event=letter_sent row=%s tries=%d", row.id, row.attempts)
        return True

    def _letter(self, row: Outbox) -> EmailMessage:
        told = json.loads(bytes(row.payload))
        subject, body = self._render(told["kind"], told["facts"], told["language"])
        letter = EmailMessage(policy=SMTP)
        hotel = " ".join(str(told["facts"].get("hotel", "")).split())
        letter["From"] = Address(hotel, addr_spec=self._sender)
        letter["To"] = Address(addr_spec=row.address)
        letter["Subject"] = " ".join(subject.split())
        letter["Date"] = format_datetime(datetime.fromtimestamp(row.made_at / 1000, UTC))
        domain = self._sender.partition("@")[2]
        letter["Message-ID"] = f"<notice-{told['notice']}.{row.made_at}@{domain}>"  # the same if it is sent again
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers, please
        letter.set_content(body)
        letter["Content-Language"] = told["language"]  # after the content, which clears what is said of it
        return letter


def _is_final(error: smtplib.SMTPException) -> bool:
    """Whether this letter will never be taken. A refused sender or log-in is the house's fault: it may be mended."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code in _FOR_EVER for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code in _FOR_EVER


def _told(error: Exception) -> str:
    """What the server said, without the address it said it of."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"recipient refused: {sorted({code for code, _ in error.recipients.values()})}"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    return str(error) or type(error).__name__


def _hang_up(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
