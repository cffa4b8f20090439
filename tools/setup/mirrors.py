"""Files from the Debian mirrors this machine already uses, each taken only if its SHA-256 is the one expected."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from tools.setup.say import Stop, output_of, say

TIMEOUT = 60
CHUNK = 1 << 16
LARGEST = 64 << 20
DEBIAN_SUITES = {"bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"}


class NotHad(Exception):
    """No mirror had this very file."""


def mirrors() -> list[str]:
    """Base addresses of the Debian archives in the machine's apt sources, the main archive before the security one.

    apt reads its own files here, one-line and deb822 alike.
    """
    form = "$(REPO_URI) $(SUITE) $(RELEASE) $(COMPONENT)"
    lines = output_of(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]).splitlines()
    return choose(lines)


def choose(lines: list[str]) -> list[str]:
    """The Debian archives among lines of "uri suite release component"."""
    found: list[str] = []
    for line in lines:
        words = line.split()
        if len(words) != 4 or words[3] != "main" or not words[0].startswith(("http://", "https://")):
            continue
        names = {word.split("-")[0].split("/")[0] for word in words[1:3]}
        base = words[0].rstrip("/")
        if names & DEBIAN_SUITES and base not in found:
            found.append(base)
    if not found:
        raise Stop("No Debian mirror over http or https is in the apt sources of this machine; add one.")
    return sorted(found, key=lambda base: "security" in base)


def proxies() -> dict[str, str]:
    """Proxies apt is set to use, added to those in the environment."""
    known = dict(urllib.request.getproxies())
    for scheme in ("http", "https"):
        setting = output_of(["apt-config", "shell", "P", f"Acquire::{scheme}::Proxy"]).strip()
        if setting.startswith("P='") and setting != "P=''" and "DIRECT" not in setting:
            known.setdefault(scheme, setting[3:-1])
    return known


class Cache:
    """Verified files, kept by their SHA-256. A file is checked each time it is taken out."""

    def __init__(self, folder: Path, bases: list[str], through: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.bases = bases
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler(through or {}))

    def get(self, path: str, sha256: str) -> Path:
        """The file `path` of the archive; raises NotHad unless some mirror has it with this SHA-256."""
        kept = self.folder / f"{sha256}-{path.rsplit('/', 1)[-1]}"
        if kept.exists():
            if digest_of(kept) == sha256:
                return kept
            kept.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        reasons = []
        for base in self.bases:
            try:
                return self._fetch(f"{base}/{path}", sha256, kept)
            except (OSError, NotHad) as error:
                reasons.append(f"{base}: {error}")
        raise NotHad(f"{path.rsplit('/', 1)[-1]} ({'; '.join(reasons) or 'no mirror'})")

    def _fetch(self, address: str, sha256: str, kept: Path) -> Path:
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=self.folder, prefix="part-")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as out, self.opener.open(address, timeout=TIMEOUT) as response:
                while True:
                    data = response.read(CHUNK)
                    if not data:
                        break
                    size += len(data)
                    if size > LARGEST:
                        raise NotHad("larger than any package we use")
                    digest.update(data)
                    out.write(data)
            if digest.hexdigest() != sha256:
                raise NotHad(f"its SHA-256 is {digest.hexdigest()}, not the one expected; thrown away")
            part.replace(kept)
        finally:
            part.unlink(missing_ok=True)
        say(f"  fetched {kept.name.split('-', 1)[1]} ({size // 1024} KiB), SHA-256 as expected")
        return kept


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            data = file.read(CHUNK)
            if not data:
                return digest.hexdigest()
            digest.update(data)
