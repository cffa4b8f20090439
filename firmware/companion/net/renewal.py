"""Certificates and networks renewed over the air, made before the old ones are broken (protocol section 6, Renewal).

A document is taken in (`renewing`), what it brings is kept beside what is in use, and tried: the connection is given up
and dialled anew with it. Only a connection that came about proves it; until then the old stays and is gone back to.
"""

import binascii
import hashlib

from companion.core.lazy import unload
from companion.store import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from companion.store.identity import Identity, Next

_AGAIN_MS = 60_000  # after a try that failed; doubled each time
_AGAIN_MAX_MS = 21_600_000
_TOLD_AFTER = 3  # tries in vain, then it is an event
KEY, CERTIFICATE, NETWORKS = 0, 1, 2
WORDS = ("key", "certificate", "networks")
_POINT = 57  # where the public point begins in a key (SEC 1)


class Renewals:
    """What is in use of one door, what is next, and when to try that."""

    def __init__(
        self, folder: str, read: "Callable[[str], bytes | None]", journal: "Any", now_ms: "Callable[[], int]"
    ) -> None:
        """folder: of the board's files; read: gives one of them, or its copy. They are read when they are wanted.

        Raises OSError if the flash can't be used.
        """
        self._folder = folder
        self.identity: Identity | None = None
        self._done = 0  # version of the last renewal that was finished, as far as it was looked at
        if files.exists(folder + "/renewal/next.a") or files.exists(folder + "/renewal/next.b"):
            self.load()
        self._read = read
        self._journal = journal
        self._now_ms = now_ms
        self._failures = 0
        self._after_ms = 0
        self._shown = ""  # the certificate's hash, as the state tells it
        self._look()

    def _look(self) -> None:
        digest = hashlib.sha256(self._read("/cert.der") or b"").digest()
        self._shown = binascii.hexlify(digest[:8]).decode()

    def load(self) -> "Identity":
        """What is next, read from flash; it takes room on the heap from then on. Raises OSError."""
        if self.identity is None:
            from companion.store.identity import Identity

            self.identity = Identity(self._folder)
            self._done = self.identity.done
        return self.identity

    @property
    def ca(self) -> bytes | None:
        """The certificate of the property's CA, DER."""
        return self._read("/ca.der")

    @property
    def provisioned(self) -> bool:
        """Whether an installer left all that TLS needs."""
        return None not in (self.ca, self._read("/cert.der"), self._read("/key.der"))

    @property
    def _next(self) -> "Next | None":
        return None if self.identity is None else self.identity.next

    def expect(self, coming: "Next") -> None:
        """Keep what is to come, and try it soon. Raises OSError."""
        self.load().keep(coming)
        self._failures = 0
        self._after_ms = 0

    # --- what the line asks ----------------------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether what is new should be tried with the next connection."""
        coming = self._next
        return coming is not None and coming.what != KEY and self._now_ms() >= self._after_ms

    def pair(self, trying: bool) -> tuple[bytes, bytes]:
        """(certificate, key) to show, DER."""
        coming = self._next
        if trying and coming is not None and coming.what == CERTIFICATE:
            return coming.cert, coming.key
        return self._read("/cert.der") or b"", self._read("/key.der") or b""

    def networks(self) -> list:
        """The networks that are new; none if there are none."""
        return [] if self.identity is None else self.identity.networks()

    def proved(self) -> None:
        """A connection came about with what is new."""
        coming = self._next
        if self.identity is None or coming is None:
            return
        self.identity.promote()
        self._look()
        self._done = self.identity.done
        self.identity = None
        unload("companion.store.identity")
        self._failures = 0
        self._journal.write("update", renewed=WORDS[coming.what])

    def failed(self) -> None:
        """A try did not come about: back to what was, and again later, ever more rarely."""
        coming = self._next
        if coming is None:
            return
        self._after_ms = self._now_ms() + min(_AGAIN_MAX_MS, _AGAIN_MS << min(self._failures, 12))
        self._failures += 1
        if self._failures == _TOLD_AFTER:
            self._journal.write("fault", fault="renewal", code=WORDS[coming.what])

    # --- what the state tells --------------------------------------------------------------------------------------

    def news(self) -> tuple:
        """What the cloud must hear of at once when it changes."""
        coming = self._next
        return self._done, coming is not None and coming.what == KEY and coming.version

    def tell(self, state: dict) -> None:
        """Add the state's members."""
        state["certificate"] = self._shown
        state["renewed"] = self._done
        coming = self._next
        if coming is not None and coming.what == KEY:
            point = binascii.hexlify(coming.key[_POINT:]).decode()
            state["renewal"] = {"version": coming.version, "key": point}
