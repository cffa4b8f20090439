"""What Debian itself must bring: finds out what is missing, installs it as root, or says exactly what to install."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from tools.setup.say import Stop, run, say

OS_RELEASE = Path("/etc/os-release")
SUPPORTED = {"12": "bookworm", "13": "trixie"}
# Programs of the system administrator are not on every PATH.
ADMIN_FOLDERS = ["/usr/sbin", "/sbin", "/usr/local/sbin"]
# Debian package -> the program it is wanted for. A program that is there already, from wherever, is good.
PROGRAMS = {
    "chromium-headless-shell": "chromium-headless-shell",
    "mosquitto": "mosquitto",
    "nodejs": "node",
    "npm": "npm",
}
# Wanted for the files in them.
FILES = {
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "fonts-noto-cjk": "/usr/share/fonts/opentype/noto",
}
# Wanted for one file of a pattern: Debian keeps each version of the server in a folder of its own.
PATTERNS = {"postgresql": ("/usr/lib/postgresql", "*/bin/initdb")}


def release(path: Path = OS_RELEASE) -> str:
    """Debian's major version, "12" or "13"; raises Stop on anything else."""
    facts: dict[str, str] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, _, value = line.partition("=")
            facts[name] = value.strip("\"'")
    if facts.get("ID") != "debian" or facts.get("VERSION_ID") not in SUPPORTED:
        found = facts.get("PRETTY_NAME", "an unknown system")
        raise Stop(f"make setup knows Debian 12 and Debian 13; this is {found}.")
    if platform.machine() != "x86_64":
        raise Stop(f"make setup needs a 64-bit PC (x86_64) for the 32-bit MicroPython; this is {platform.machine()}.")
    return facts["VERSION_ID"]


def which(program: str) -> str | None:
    """The path of a program, looking also where Debian keeps daemons."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *ADMIN_FOLDERS]))


def missing(version: str) -> list[str]:
    """Debian packages that are needed and not there, in alphabetical order."""
    wanted = [package for package, program in PROGRAMS.items() if which(program) is None]
    wanted += [package for package, file in FILES.items() if not Path(file).exists()]
    wanted += [package for package, (folder, some) in PATTERNS.items() if not any(Path(folder).glob(some))]
    if version == "13" and not Path("/usr/bin/micropython").exists():
        wanted.append("micropython")
    return sorted(wanted)


def install(packages: list[str]) -> None:
    """Installs Debian packages; without root prints the exact command and stops."""
    if not packages:
        return
    names = " ".join(packages)
    if os.geteuid() != 0:
        raise Stop(
            "Debian packages are missing, and installing them needs root. Please run\n\n"
            f"  sudo apt-get update && sudo apt-get install --no-install-recommends -y {names}\n\n"
            "and then make setup again."
        )
    say(f"Debian packages: installing {names}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-q", "update"], env=quiet)
    run(["apt-get", "-q", "install", "--no-install-recommends", "-y", *packages], env=quiet)


def has_ensurepip(python: str) -> bool:
    """True if this Python can make a virtual environment (Debian packs that part apart)."""
    done = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return done.returncode == 0
