"""Settings: environment variables `LOCKMATE_*` over one TOML file, checked at start.

The file named by `LOCKMATE_CONFIG` has the same names in lower case, without the prefix. A relative path
is taken from the working directory. docs/operate.md has the table.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "LOCKMATE_"
LANGUAGES = ("zh-CN", "en")
SMTPS_PORT = 465
SQLITE = "sqlite:///"
POSTGRES = "postgresql://"
_PORT_MAX = 65_535
_PROXIES_MAX = 8


class SettingsError(Exception):
    """A setting is wrong; `code` is stable, the text says which one and what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Files that are not named lie in the data folder."""

    data: Path
    database: str
    master_key_file: Path
    master_key: str = field(default="", repr=False)  # the key itself, in place of the file
    secret_key_file: Path
    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8000
    broker_host: str = "127.0.0.1"
    broker_port: int = 8883
    broker_name: str = "localhost"
    broker_ca: Path | None = None
    broker_cert: Path | None = None
    broker_key: Path | None = None
    broker_reload: str = ""  # the command that makes the broker read its revocation list anew
    language: str = "zh-CN"
    testing: bool = False
    test_clock: Path | None = None
    secure_cookies: bool = False
    trusted_proxies: int = 0  # how many proxies stand before the pages, each adding to X-Forwarded-For
    smtp_host: str = ""  # empty: no letters
    smtp_port: int = 587
    smtp_from: str = ""
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_starttls: bool = True
    smtp_ca: Path | None = None

    def broker_files(self, user: str) -> tuple[Path, Path, Path]:
        """CA, certificate and private key (PEM) with which the cloud's `user` goes to the broker."""
        folder = self.data / "broker"
        return (
            self.broker_ca or folder / "ca.pem",
            self.broker_cert or folder / f"{user}.pem",
            self.broker_key or folder / f"{user}.key",
        )

    @property
    def database_told(self) -> str:
        """The database's address as it may be shown: without its password."""
        return _without_password(self.database)

    @property
    def smtp_encrypted(self) -> bool:
        """Whether letters travel under TLS: by STARTTLS, or from the first byte at port 465."""
        return self.smtp_starttls or self.smtp_port == SMTPS_PORT

    def smtp_password(self) -> str:
        """The password for the mail server, "" if there is none; SettingsError if its file is missing or open."""
        if self.smtp_password_file is None:
            return ""
        return read_secret(self.smtp_password_file, "smtp_password", least=1)

    def pki_folder(self, property_id: str) -> Path:
        """Where the CA of a property lives."""
        return self.data / "pki" / property_id

    def secret_key(self) -> str:
        """The key that signs sessions and desk tickets; SettingsError if its file is missing or short."""
        return read_secret(self.secret_key_file, "secret_key", least=32)


_NAMES = tuple(Settings.__dataclass_fields__)
_current: list[Settings] = []
_WHENCE = {"smtp_password": "Write the password into it, or"}  # the others are made by `lockmate init`


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; raises SettingsError for the first that is wrong."""
    env = os.environ if environment is None else environment
    values = _from_file(env.get(PREFIX + "CONFIG", ""))
    values |= {name: env[PREFIX + name.upper()] for name in _NAMES if env.get(PREFIX + name.upper())}
    return _checked(values)


def use(settings: Settings) -> Settings:
    """Make `settings` those of this process; `ground.lay` does it at start."""
    _current[:] = [settings]
    return settings


def current() -> Settings:
    """The settings of this process."""
    if not _current:
        raise SettingsError("not_started", "No settings are in use yet; this process did not start in the usual way.")
    return _current[0]


def read_secret(path: Path, name: str, *, least: int) -> str:
    """The text of a secret file that only its owner can read."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise SettingsError(
            f"{name}_missing", f"{path} does not exist. {_WHENCE.get(name, 'Run `lockmate init`, or')} "
            f"set {PREFIX}{name.upper()}_FILE."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_unreadable", f"{path} can't be read: {error}") from None
    if mode & 0o077:
        raise SettingsError(f"{name}_open", f"{path} can be read by others. Run `chmod 600 {path}`.")
    if len(text) < least:
        raise SettingsError(f"{name}_short", f"{path} holds fewer than {least} characters. Restore it from its backup.")
    return text


def _from_file(name: str) -> dict[str, str]:
    if not name:
        return {}
    try:
        document = tomllib.loads(Path(name).read_text("utf-8"))
    except OSError as error:
        raise SettingsError("config_unreadable", f"{PREFIX}CONFIG: {name} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("config_not_toml", f"{name} is not TOML: {error}.") from None
    for key, value in document.items():
        if key not in _NAMES:
            raise SettingsError("unknown_setting", f"{name}: there is no setting called {key}.")
        if not isinstance(value, (str, int)):
            raise SettingsError("bad_setting", f"{name}: {key} must be a text or a number.")
    return {key: _as_text(value) for key, value in document.items()}


def _as_text(value: str | int) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def _checked(values: dict[str, str]) -> Settings:
    data = Path(values.get("data", "data"))
    settings = Settings(
        data=data,
        database=_database(values.get("database", f"sqlite:///{data}/lockmate.db")),
        master_key_file=Path(values.get("master_key_file", data / "master.key")),
        master_key=values.get("master_key", ""),
        secret_key_file=Path(values.get("secret_key_file", data / "secret.key")),
        public_url=_url(values.get("public_url", "")) or f"http://127.0.0.1:{_port(values, 'port', 8000)}",
        host=values.get("host", "127.0.0.1"),
        port=_port(values, "port", 8000),
        broker_host=values.get("broker_host", "127.0.0.1"),
        broker_port=_port(values, "broker_port", 8883),
        broker_name=values.get("broker_name", "localhost"),
        broker_ca=_path(values, "broker_ca"),
        broker_cert=_path(values, "broker_cert"),
        broker_key=_path(values, "broker_key"),
        broker_reload=values.get("broker_reload", ""),
        language=_language(values.get("language", "zh-CN")),
        testing=_flag(values, "testing"),
        test_clock=_path(values, "test_clock"),
        secure_cookies=_flag(values, "secure_cookies"),
        trusted_proxies=_proxies(values.get("trusted_proxies", "0")),
        smtp_host=values.get("smtp_host", ""),
        smtp_port=_port(values, "smtp_port", 587),
        smtp_from=values.get("smtp_from", ""),
        smtp_user=values.get("smtp_user", ""),
        smtp_password_file=_path(values, "smtp_password_file"),
        smtp_starttls=_flag(values, "smtp_starttls", default="1"),
        smtp_ca=_path(values, "smtp_ca"),
    )
    _check_smtp(settings)
    if settings.test_clock and not settings.testing:
        raise SettingsError(
            "test_clock_refused", f"{PREFIX}TEST_CLOCK moves the time and is for tests; it needs {PREFIX}TESTING=1."
        )
    return settings


def _database(url: str) -> str:
    if url.startswith(POSTGRES) and len(url) > len(POSTGRES):
        return url
    if not url.startswith(SQLITE) or len(url) == len(SQLITE):
        raise SettingsError(
            "bad_database", f"{PREFIX}DATABASE must look like sqlite:///folder/lockmate.db or "
            f"postgresql://user@host/name, not {_without_password(url)}."
        )
    return url


def _without_password(url: str) -> str:
    return re.sub(r"(//[^/@:]*):[^@]*@", r"\1:…@", url)


def _url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise SettingsError("bad_public_url", f"{PREFIX}PUBLIC_URL must begin with http:// or https://, not {url}.")
    return url.rstrip("/")


def _port(values: dict[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) <= _PORT_MAX:
        raise SettingsError("bad_port", f"{PREFIX}{name.upper()} must be a number from 1 to {_PORT_MAX}, not {text}.")
    return int(text)


def _path(values: dict[str, str], name: str) -> Path | None:
    return Path(values[name]) if values.get(name) else None


def _flag(values: dict[str, str], name: str, default: str = "0") -> bool:
    text = values.get(name, default)
    if text not in ("0", "1"):
        raise SettingsError("bad_flag", f"{PREFIX}{name.upper()} must be 0 or 1, not {text}.")
    return text == "1"


def _proxies(text: str) -> int:
    if not text.isdecimal() or int(text) > _PROXIES_MAX:
        raise SettingsError(
            "bad_proxies", f"{PREFIX}TRUSTED_PROXIES must be the number of proxies before the pages, 0 to "
            f"{_PROXIES_MAX}, not {text}."
        )
    return int(text)


def _check_smtp(settings: Settings) -> None:
    """What letters need, if they are sent at all."""
    if not settings.smtp_host:
        return
    name, at, domain = settings.smtp_from.partition("@")
    if not (name and at and domain) or not settings.smtp_from.isascii() or set(settings.smtp_from) & set(" <>,\r\n"):
        raise SettingsError("bad_smtp_from", f"{PREFIX}SMTP_FROM must be the address that letters come from.")
    if bool(settings.smtp_user) != bool(settings.smtp_password_file):
        raise SettingsError(
            "smtp_log_in_incomplete", f"{PREFIX}SMTP_USER and {PREFIX}SMTP_PASSWORD_FILE must be set both, or neither."
        )
    if settings.smtp_user and not settings.smtp_encrypted:
        raise SettingsError(
            "smtp_password_in_clear", f"{PREFIX}SMTP_STARTTLS must be 1 where a password is sent to the mail server."
        )


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise SettingsError("bad_language", f"{PREFIX}LANGUAGE must be one of {', '.join(LANGUAGES)}, not {text}.")
    return text
