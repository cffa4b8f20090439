"""`python -m tools.firmware_archive`: writes the archives of this tree's firmware and prints their hashes."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from tools.firmware_archive import ARCHES, BuildError, build, to_tar


def main(argv: list[str] | None = None) -> int:
    """0 when all were written; 1 with a sentence if one can't be built."""
    parser = argparse.ArgumentParser(prog="python -m tools.firmware_archive", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/images"), help="folder (default: %(default)s)")
    parser.add_argument("--board", choices=("esp32", "sim"), default="esp32")
    parser.add_argument("--arch", choices=sorted(ARCHES.values()), action="append")
    words = parser.parse_args(argv)
    words.out.mkdir(parents=True, exist_ok=True)
    for arch in words.arch or (["xtensawin", "rv32imc"] if words.board == "esp32" else ["x86"]):
        try:
            image = build(arch, words.board)
        except BuildError as error:
            print(f"not_built: {error}")
            return 1
        packed = to_tar(image)
        path = words.out / f"lockmate-{image.version}-{image.board}-{arch}.tar"
        path.write_bytes(packed)
        print(f"{hashlib.sha256(packed).hexdigest()}  {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
