"""What pages bring from npm: installs the locked packages and copies the files that browsers load."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.setup.say import ROOT, Stop, output_of, say
from tools.setup.stamps import Stamp
from tools.setup.system import which

VENDOR = ROOT / "cloud" / "lockmate" / "web" / "static" / "vendor"
# From node_modules/ to static/vendor/. The licence of each file is in its head.
COPIED = {"qrcode-generator/dist/qrcode.mjs": "qrcode.mjs"}


def install_and_copy() -> bool:
    """npm ci and the copies, if the lock changed or something is missing. True if there was work."""
    modules = ROOT / "node_modules"
    products = [VENDOR / name for name in COPIED.values()]
    inputs: list[Path | str] = [ROOT / "package.json", ROOT / "package-lock.json", repr(COPIED)]
    stamp = Stamp(modules / ".lockmate-stamp", inputs, products)
    if stamp.holds():
        return False
    npm = which("npm")
    if npm is None:
        raise Stop("npm is not there; run make setup again.")
    say("npm: installing the locked packages")
    output_of([npm, "ci", "--prefix", str(ROOT), "--ignore-scripts", "--no-audit", "--no-fund"])
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in COPIED.items():
        shutil.copyfile(modules / source, VENDOR / name)
    stamp.put()
    return True
