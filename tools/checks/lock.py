"""`make lock`: compiles requirements/*.lock from setup.cfg, with hashes and without any address or path in them.

Versions already locked stay unless a bound of setup.cfg or `--upgrade` moves them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.checks.tree import ROOT

# All that a developer has; and the parts of it, in the same versions, that run at a hotel and on an installer's laptop.
_OF_DEV = ["--constraint", "requirements/dev.lock"]
LOCKS = {
    "dev.lock": ["--extra", "cloud", "--extra", "installer", "--extra", "dev"],
    "cloud.lock": ["--extra", "cloud", *_OF_DEV],
    "installer.lock": ["--extra", "installer", *_OF_DEV],
}
OPTIONS = [
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-annotate",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
]


def main(words: list[str]) -> int:
    """Exit code 0 if all locks were written."""
    compiler = Path(sys.executable).with_name("pip-compile")
    for name, extras in LOCKS.items():
        target = f"requirements/{name}"
        print(f"compiling {target}", flush=True)
        command = [str(compiler), *OPTIONS, *extras, *words, "--output-file", target, "setup.cfg"]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
