"""The door's configuration, written once by the installer: who the companion is, and whom it trusts at first."""

import binascii
import json

from companion.core.fields import Refused
from companion.core.policy import Trust, read_trust

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


class ConfigError(ValueError):
    """The configuration can't be used; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Config:
    """What `config.json` says. Raises ConfigError."""

    def __init__(self, text: bytes) -> None:
        """text: the file's JSON."""
        try:
            document = json.loads(text)
        except ValueError:
            raise ConfigError("config_not_json") from None
        if not isinstance(document, dict):
            raise ConfigError("config_not_json")
        self.companion_id: str = _word(document, "companion_id")
        if not 8 <= len(self.companion_id) <= 32 or self.companion_id.strip(_ID_LETTERS):
            raise ConfigError("config_companion_id")
        self.property_id = _hex(document, "property_id", 8)
        self.link_key = _hex(document, "link_key", 32)
        door = document.get("door") or 0  # a spare has none yet
        if type(door) is not int or not 0 <= door <= 0xFFFFFFFF:
            raise ConfigError("config_door")
        self.door: int = door
        self.broker_host, self.broker_port, self.broker_name = _broker(document.get("broker"))
        try:
            self.trust: list[Trust] = read_trust(document["trust"])
        except (KeyError, TypeError, Refused):
            raise ConfigError("config_trust") from None
        self.wifi: list[dict[str, str]] = read_wifi(document.get("wifi") or [])
        self.profile: str = document.get("profile") or ""
        self.privacy_button = document.get("privacy") == "button"


def _word(document: dict, name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ConfigError("config_" + name)
    return value


def _hex(document: dict, name: str, size: int) -> bytes:
    try:
        value = binascii.unhexlify(_word(document, name))
    except ValueError:
        raise ConfigError("config_" + name) from None
    if len(value) != size:
        raise ConfigError("config_" + name)
    return value


def read_wifi(value: object) -> list:
    """Networks, [{"ssid", "password"}], as they stand in JSON; raises ConfigError."""
    if not isinstance(value, list):
        raise ConfigError("config_wifi")
    for network in value:
        if not isinstance(network, dict):
            raise ConfigError("config_wifi")
        if not isinstance(network.get("ssid"), str) or not isinstance(network.get("password"), str):
            raise ConfigError("config_wifi")
    return value


def _broker(value: object) -> tuple:
    """(host, port, name); a door without a broker stays offline: ("", 0, "")."""
    if value is None:
        return "", 0, ""
    if not isinstance(value, dict):
        raise ConfigError("config_broker")
    host, port = value.get("host"), value.get("port")
    if not isinstance(host, str) or type(port) is not int or not 0 < port < 65536:
        raise ConfigError("config_broker")
    name = value.get("name") or host
    if not isinstance(name, str):
        raise ConfigError("config_broker")
    return host, port, name
