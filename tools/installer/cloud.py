"""The hotel's cloud, as the tool asks it: JSON over HTTPS, with the session's secret."""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.installer.trouble import Trouble

_ROOT = "/api/install/1"
_PATIENCE_S = 20
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def home() -> Path:
    """Where the tool keeps its session and the images that it fetched; LOCKMATE_INSTALLER_HOME moves it."""
    told = os.environ.get("LOCKMATE_INSTALLER_HOME")
    if told:
        return Path(told)
    base = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA")
    return (Path(base) if base else Path.home() / ".config") / "lockmate-installer"


@dataclass(frozen=True, slots=True)
class Session:
    """What a code was exchanged for; kept in a file for its owner only."""

    url: str
    secret: str = field(repr=False)
    ends_at: int
    hotel: dict[str, str]

    @classmethod
    def load(cls) -> Session:
        """The kept one. Raises Trouble `signed_out`."""
        try:
            return cls(**json.loads((home() / "session.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            raise Trouble("signed_out") from None

    def save(self) -> None:
        """Keep it, mode 0600."""
        write_private(home() / "session.json", json.dumps(asdict(self)).encode())

    @staticmethod
    def forget() -> None:
        """Throw the kept one away."""
        (home() / "session.json").unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """A file for its owner only, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    fresh.replace(path)


class Cloud:
    """Asks for one session. Every method raises Trouble."""

    def __init__(self, url: str, secret: str = "", language: str = "en") -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise Trouble("not_secure", url=url)
        self._url = url.rstrip("/")
        self._secret = secret
        self._language = language

    def sign_in(self, code: str, laptop: str) -> Session:
        """Exchange a one-time code."""
        told = self.ask("POST", "/session", code=code, laptop=laptop)
        return Session(self._url, told["secret"], told["ends_at"], told["hotel"])

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One request; the answer's object."""
        answer = json.loads(self.fetch(method, path, **body))
        if not isinstance(answer, dict):
            raise Trouble("cloud_away", url=self._url, why="no object")
        return answer

    def fetch(self, method: str, path: str, **body: Any) -> bytes:
        """One request; the answer's bytes."""
        headers = {"Accept": "application/json", "Accept-Language": self._language, "Content-Type": "application/json"}
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        data = json.dumps(body).encode() if method == "POST" else None
        asked = urllib.request.Request(self._url + _ROOT + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=_PATIENCE_S) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read()) from error
        except (urllib.error.URLError, ssl.SSLError, TimeoutError, OSError, ValueError) as error:
            raise Trouble("cloud_away", url=self._url, why=getattr(error, "reason", error)) from error

    def _refused(self, status: int, content: bytes) -> Trouble:
        try:
            told = json.loads(content)
            code, what, do = str(told["code"]), str(told["what"]), str(told["do"])
        except (ValueError, KeyError, TypeError):
            return Trouble("cloud_away", url=self._url, why=f"HTTP {status}")
        if code == "session_over":
            return Trouble("signed_out")
        return Trouble("cloud_refused", cloud_code=code, what=what, do=do)


def unpacked(files: dict[str, str]) -> dict[str, bytes]:
    """Files as the cloud sends them: by path, in base64."""
    return {name: base64.b64decode(body) for name, body in files.items()}
