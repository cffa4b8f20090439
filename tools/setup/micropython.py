"""Puts the real MicroPython into the venv: `micropython` with 64-bit and `micropython32` with 32-bit words.

Debian 13 has the 64-bit one as a package. All else is unpacked from Debian 13's packages beside the venv and run
through the dynamic linker that came with it, so nothing of it mixes with the system's own libraries.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.setup import index
from tools.setup.mirrors import Cache, NotHad
from tools.setup.pins import PACKAGES, PINS, Pin
from tools.setup.say import Stop, run, say
from tools.setup.stamps import Stamp

LOADERS = {"i386": "ld-linux.so.2", "amd64": "ld-linux-x86-64.so.2"}
MACHINES = {"i386": "i386-linux-gnu", "amd64": "x86_64-linux-gnu"}
COMMANDS = {"i386": "micropython32", "amd64": "micropython"}
# What every test of the firmware relies on: word size, TLS that can demand a certificate, littlefs, viper code, a heap.
PROOF = """
import sys, asyncio, tls, vfs, hashlib
tls.SSLContext(tls.PROTOCOL_TLS_CLIENT).verify_mode = tls.CERT_REQUIRED
vfs.VfsLfs2
print(sys.maxsize > 0x7FFFFFFF, sys.version.split(";")[1].strip().split()[1])
"""

Ask = Callable[[str, str, str, tuple[str, ...]], dict[str, Pin]]


def from_system(bin_folder: Path) -> str:
    """Debian 13: links the package's own program as the 64-bit one; returns its version."""
    link = bin_folder / COMMANDS["amd64"]
    link.unlink(missing_ok=True)
    link.symlink_to("/usr/bin/micropython")
    return prove(link, "amd64")


def from_archive(architecture: str, cache: Cache, home: Path, bin_folder: Path, ask: Ask = index.ask) -> str:
    """Unpacks MicroPython for an architecture under `home` and writes its wrapper; returns its version.

    Pins first. If a package has no pin that can be had, or the result does not run, one suite's signed index gives
    all the packages.
    """
    target = home / architecture
    wrapper = bin_folder / COMMANDS[architecture]
    stamp = Stamp(target / "stamp", [Path(__file__), repr(PINS[architecture]), str(target)], [wrapper])
    if stamp.holds():
        return prove(wrapper, architecture)
    version = _assemble(architecture, cache, target, wrapper, ask)
    stamp.put()
    return version


def _assemble(architecture: str, cache: Cache, target: Path, wrapper: Path, ask: Ask) -> str:
    try:
        files = {name: first_had(PINS[architecture][name], cache) for name in PACKAGES}
        return _place(architecture, files, target, wrapper)
    except (NotHad, Stop) as reason:
        say(f"  the pinned files for {architecture} cannot be used: {reason}")
    for suite in index.SUITES:
        for base in (base for base in cache.bases if "security" not in base):
            try:
                pins = ask(suite, architecture, base, PACKAGES)
                files = {name: cache.get(pins[name].path, pins[name].sha256) for name in PACKAGES}
                version = _place(architecture, files, target, wrapper)
            except (index.Unusable, NotHad, Stop) as reason:
                say(f"  {suite}'s signed index cannot be used: {reason}")
                continue
            names = ", ".join(pins[name].name for name in PACKAGES)
            say(f"  NOTE: no pin could be used; taken from the signed index of {suite} instead: {names}")
            return version
    raise Stop(
        f"MicroPython for {architecture} cannot be had: no pinned file and no usable signed index (reasons above).\n"
        "Check that the mirror in the apt sources is in reach, then run make setup again. If Debian has newer files\n"
        "by now, add them to tools/setup/pins.py."
    )


def first_had(pins: list[Pin], cache: Cache) -> Path:
    """The first of several pinned files that a mirror still has, verified; raises NotHad if none."""
    reasons = []
    for pin in pins:
        try:
            return cache.get(pin.path, pin.sha256)
        except NotHad as reason:
            reasons.append(str(reason))
    raise NotHad("; ".join(reasons))


def _place(architecture: str, files: dict[str, Path], target: Path, wrapper: Path) -> str:
    """Unpacks into a new folder, proves that it runs, and only then puts it in place of the old one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{architecture}-"))
    try:
        for file in files.values():
            run(["dpkg-deb", "--extract", str(file), str(new)])
        prove_wrapper = new / "run"
        write_wrapper(prove_wrapper, new, architecture)
        version = prove(prove_wrapper, architecture)
        prove_wrapper.unlink()
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    # The very files this was made of, for whoever asks which version runs here.
    (target / "files").write_text("".join(f"{file.name.split('-', 1)[1]}\n" for file in files.values()))
    write_wrapper(wrapper, target, architecture)
    return version


def write_wrapper(wrapper: Path, home: Path, architecture: str) -> None:
    """Writes a shell script that runs the unpacked MicroPython with the libraries unpacked beside it."""
    # Debian 13 has everything below /usr/lib; Debian 12's libraries are in /lib.
    folders = [home / base / MACHINES[architecture] for base in ("usr/lib", "lib")]
    loaders = [*(folder / LOADERS[architecture] for folder in folders)]
    loader = next((path for path in loaders if path.exists()), None)
    if loader is None:
        raise Stop(f"the C library unpacked for {architecture} has no {LOADERS[architecture]}.")
    libraries = ":".join(str(folder) for folder in folders if folder.exists())
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.unlink(missing_ok=True)
    wrapper.write_text(
        "#!/bin/sh\n"
        f"# MicroPython, {architecture}; made by make setup.\n"
        f"exec '{loader}' --library-path '{libraries}' '{home}/usr/bin/micropython' \"$@\"\n"
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def prove(program: Path, architecture: str) -> str:
    """Runs MicroPython once; returns its version. Raises Stop if a part is missing or the word size is wrong."""
    try:
        done = subprocess.run(
            [str(program), "-X", "heapsize=256K", "-c", PROOF],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Stop(f"MicroPython for {architecture} does not start: {error}") from None
    said = done.stdout.split()
    if done.returncode or len(said) != 2:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word"]
        raise Stop(f"MicroPython for {architecture} does not run as it must: {reason[0]}")
    if (said[0] == "True") != (architecture == "amd64"):
        raise Stop(f"MicroPython for {architecture} has the wrong word size.")
    return said[1]
