"""Ed25519 verification on 32-bit MicroPython: against the textbook and libsodium, and what memory it takes."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.bench import callgrind, native_code
from tools.bench.figures import figure
from tools.bench.meter import FROZEN, HERE, MACHINE_CODE, Meter, compiled
from tools.checks.native import ARCHITECTURES
from tools.firmware_folder import FIRMWARE
from tools.hotel.house import ROOT
from tools.virtual import firmware

if TYPE_CHECKING:
    from tools.bench.figures import Figure

CORE = FIRMWARE / "companion" / "core"
LAB = ROOT.parent / "shared" / "lab" / "ed25519"
LAB_MODULES = ("ed_a", "ed_d4", "ed_fvmm", "ed_idx", "ed_inv2", "ed_ld", "sha512b", "sha512v")
PAIRS = 15
OURS = 40  # verifications on our side of a pair, for one of the textbook's
BOARD = "xtensawin"
ED25519 = ("ed25519_field", "ed25519_words")
SHA512 = ("sha512_viper",)
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")  # RFC 8032, test 2
TOKENS = 86  # bytes that a token's signature covers, as many as MESSAGE of on_board_verify.py
LONGER = 252  # the message on which libsodium was counted by the lab


def signature(size: int) -> str:
    """The signature, in hex, of the message of so many bytes that counts up from 0."""
    return Ed25519PrivateKey.from_private_bytes(SECRET).sign(bytes(range(size))).hex()


def native_bytes(*modules: str, arch: str = BOARD) -> int:
    """Machine code of these modules of the core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return sum(native_code.size(compiled(CORE / f"{module}.py", arch, folder)) for module in modules)


def timed() -> dict[str, Figure]:
    """Times and heap, in one process whose heap is a board's."""
    with Meter("on_board_verify", "textbook", arguments=[signature(TOKENS)]) as board:
        if board.ask("engine") != "viper":
            raise RuntimeError(f"the engine measured is {board.ask('engine')}")
        board.ask("ours 3")
        pairs = []
        for turn in range(PAIRS):
            ours = board.cpu_ns(f"ours {OURS}", OURS) if turn % 2 else 0.0
            theirs = board.cpu_ns("textbook")
            pairs.append((theirs, ours or board.cpu_ns(f"ours {OURS}", OURS)))
        heap = [float(taken) for taken in board.ask("heap").split()]
        tables, key, make, prepare = (float(board.ask(word)) for word in ("table", "key", "make", "prepare"))
    return {
        "verify.time_textbook_ratio": figure([a / b for a, b in pairs], "x", "RFC 8032 textbook, same run"),
        "verify.time_us": figure([b / 1000 for _, b in pairs], "us", "this machine, 32-bit MicroPython"),
        "verify.heap_bytes": figure(heap, "B"),
        "verify.table_bytes": figure([tables], "B", "base point's (in flash) and one key's (in RAM)"),
        "verify.key_us": figure([key], "us", "decoding a key and checking its order"),
        "verify.make_us": figure([make], "us", "first verification without a shelf: the key's table is made"),
        "verify.prepare_us": figure([prepare], "us", "at boot without a shelf: base point's table, known answers"),
    }


def _lab_tables(folder: Path) -> Path:
    """The lab's tables for our key, by the lab's own generator."""
    spec = importlib.util.spec_from_file_location("lab_tables", LAB / "gen_tables.py")
    if spec is None or spec.loader is None:
        raise callgrind.NotThere("the lab's generator can't be read")
    lab = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True  # that folder is not ours
    spec.loader.exec_module(lab)
    key = Ed25519PrivateKey.from_private_bytes(SECRET).public_key().public_bytes_raw()
    target = folder / "lab.tables"
    target.write_bytes(lab.pack16(lab.make(lab.B, 8, 1)) + lab.pack16(lab.make(lab.neg(lab.dec(key)), 8, 1)))
    return target


def counted() -> dict[str, Figure]:
    """Exact instructions, and where the lab is beside the repository, how ours of the baselines compare with its."""
    found: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as name:
        folder = Path(name)
        for module in ("on_board_count", "textbook", *FROZEN):
            compiled(HERE / f"{module}.py", MACHINE_CODE, folder)
        path = f"{folder}:{firmware.search_path()}"

        def count(which: str, size: int, *file: str) -> float:
            few, many = (1, 3) if which.endswith("textbook") else (5, 25)  # that takes 40 times as long
            words = (which, str(size), signature(size), *file)
            return callgrind.instructions("on_board_count", *words, path=path, few=few, many=many)

        ours = count("ours", LONGER)
        library = callgrind.libsodium()
        theirs = count("libsodium", LONGER, str(library))
        against = f"{library.name}, called from the same interpreter; {LONGER}-byte message, 32-bit x86"
        found["verify.instr_libsodium_ratio"] = figure([ours / theirs], "x", against)
        found["verify.instructions"] = figure([count("ours", TOKENS)], "", f"callgrind, 32-bit x86, {TOKENS} bytes")
        frozen = count("frozen", TOKENS)
        found["verify.frozen_instructions"] = figure([frozen], "", "the denominator of gate.* and door.*")
        if LAB.is_dir():
            for module in LAB_MODULES:
                compiled(LAB / "src" / f"{module}.py", MACHINE_CODE, folder)
            lab = count("lab_d4", TOKENS, str(_lab_tables(folder)))
            found["verify.frozen_lab_ratio"] = figure([frozen / lab], "x", "the lab's d4 8/1, same message")
            ratio = count("textbook", TOKENS) / count("lab_textbook", TOKENS)
            found["verify.textbook_lab_ratio"] = figure([ratio], "x", "the lab's ed_a, same message")
    return found


def measure() -> dict[str, Figure]:
    """The measures by name."""
    found = timed()
    for arch in ARCHITECTURES:
        name = "verify.native_bytes" if arch == BOARD else f"verify.native_bytes.{arch}"
        found[name] = figure([float(native_bytes(*ED25519, arch=arch))], "B", f"{arch}, without SHA-512")
    found["verify.sha512_native_bytes"] = figure([float(native_bytes(*SHA512))], "B", BOARD)
    try:
        found |= counted()
    except callgrind.NotThere as why:
        print(f"verify: instructions are not counted: {why}", flush=True)
    return found
