"""Opens the line to the broker: a network, its address, the date for TLS (protocol section 5), then TLS itself."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from companion.core.clock import Clock
    from companion.net.renewal import Renewals
    from companion.net.wifi import Wifi

_VERIFY_FAILED = -0x2700  # mbedTLS: X509_CERT_VERIFY_FAILED, where the port tells no reason
_SEQUENCE = 0x30
_VERSION = 0xA0
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18


class Dialler:
    """Dials the property's broker.

    broker: (host, port, name); `name` is what its certificate must say.
    renewals: the CA that must have signed it, and whose certificate and key are shown. Raises ValueError if the CA's
        validity can't be read.

    TLS's date is the clock's lo, never before the CA's first day. While hi is unbounded that lo may be wrong: after a
    handshake that failed on dates the next uses the CA's first day itself, from which every server certificate of
    this CA is valid. Nothing here ever moves the clock.
    """

    def __init__(
        self,
        board: "Any",
        wifi: "Wifi",
        broker: tuple[str, int, str],
        renewals: "Renewals",
        clock: "Clock",
    ) -> None:
        self._board = board
        self._wifi = wifi
        self._broker = broker
        self._renewals = renewals
        self.trying = False  # whether this attempt is made with what is new
        self._clock = clock
        self._first_day = first_day(renewals.ca or b"")
        self._from_first_day = False

    async def ready(self) -> None:
        """Return when there is a network to dial over."""
        wanted = self._renewals.due
        networks = self._renewals.networks()
        await self._wifi.ready(networks, wanted)
        self.trying = self._wifi.on_coming or (wanted and not networks)
        if wanted and not self.trying:
            self._renewals.failed()

    async def dial(self) -> "tuple[Any, Any]":
        """(reader, writer) over TLS, which the first write begins. OSError or ValueError if a part of it is no good."""
        host, port, name = self._broker
        address = await self._wifi.address(host)
        self._board.tls_date(self.date())
        ca = self._renewals.ca or b""
        cert, key = self._renewals.pair(self.trying)
        return self._board.dial(address, port, name, ca, cert, key)

    def date(self) -> int:
        """The date, seconds, that TLS is to check certificates with."""
        now_ms = self._board.monotonic_ms()
        lo = self._clock.interval(now_ms)[0]
        if self._clock.known(now_ms)[1] is None and self._from_first_day:
            return self._first_day
        return max(lo, self._first_day)

    def worked(self) -> None:
        """The broker was reached."""
        self._wifi.worked()
        if self.trying:
            self.trying = False
            networks = self._renewals.networks()
            self._renewals.proved()
            self._wifi.networks = networks or self._wifi.networks

    def failed(self, error: Exception) -> None:
        """Why a connection ended or did not come about."""
        self._wifi.failed()
        if self.trying:
            self.trying = False
            self._renewals.failed()
        if about_dates(error):
            self._from_first_day = not self._from_first_day


def about_dates(error: Exception) -> bool:
    """Whether TLS refused a certificate for its dates, or may have: some ports don't tell the reason."""
    return (isinstance(error, ValueError) and "validity" in str(error)) or (
        isinstance(error, OSError) and bool(error.args) and error.args[0] == _VERIFY_FAILED
    )


def first_day(certificate: bytes) -> int:
    """The `notBefore` of a DER certificate (RFC 5280, 4.1), Unix seconds; ValueError if it has none."""
    tag, at, _ = _element(certificate, 0)
    inner, at, _ = _element(certificate, at)
    if tag != _SEQUENCE or inner != _SEQUENCE:
        raise ValueError("not a certificate")
    tag, _, end = _element(certificate, at)
    if tag == _VERSION:
        at = end
    for _ in range(3):  # serial, algorithm, issuer
        _, _, at = _element(certificate, at)
    tag, at, _ = _element(certificate, at)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    tag, at, end = _element(certificate, at)
    digits = certificate[at : end - 1].decode()
    if tag == _UTC_TIME and len(digits) == 12:
        digits = ("20" if digits < "5" else "19") + digits
    if tag not in (_UTC_TIME, _GENERALIZED_TIME) or len(digits) != 14:
        raise ValueError("not a certificate")
    days = _days(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    return days * 86400 + int(digits[8:10]) * 3600 + int(digits[10:12]) * 60 + int(digits[12:14])


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """(tag, start, end) of the DER element at `at`."""
    if at + 2 > len(der):
        raise ValueError("not a certificate")
    tag, length = der[at], der[at + 1]
    at += 2
    if length > 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[at : at + size], "big")
        at += size
    if at + length > len(der):
        raise ValueError("not a certificate")
    return tag, at, at + length


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a Gregorian date; years counted from March, so that a leap day is the last."""
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
