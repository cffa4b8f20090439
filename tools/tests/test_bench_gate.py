"""What the bench measures of the door's verification holds in small, on a board's heap; and its programs run."""

from __future__ import annotations

import subprocess

import pytest

from tools.bench import callgrind, gate, verify
from tools.bench.meter import MACHINE_CODE, Frozen, Meter, MeterFailed
from tools.virtual import firmware

# Leaves no free block above 8 KB, and then starts the native engine with a key: what follows must fit between.
CRUMBLED = """
import gc
crumbs = [None] * 2000
try:
    for n in range(len(crumbs)):
        crumbs[n] = bytearray(256)
except MemoryError:
    pass
for n in range(len(crumbs)):
    if n % 31:
        crumbs[n] = None  # 30 in a row with their heads: 8,160 bytes
gc.collect()
try:
    bytearray(8192)
    print("a larger block is free")
except MemoryError:
    pass
from companion.core import ed25519
print(ed25519.prepare())
key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
print(ed25519.Verifier(key).verify(bytes(range(86)), bytes.fromhex("SIGNATURE")))
"""


def test_verification_starts_where_no_free_block_is_above_8_kb(tmp_path):
    program = tmp_path / "crumbled.py"
    program.write_text(CRUMBLED.replace("SIGNATURE", verify.signature(86)))
    command = [firmware.binary(), "-X", "heapsize=400K", program]
    environment = {"MICROPYPATH": firmware.search_path()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == ["viper", "True"], done.stdout + done.stderr
    assert "a larger block" not in done.stdout


SHORT = """
import gc
from companion.core import ed25519
ed25519.prepare()
import companion.core.ed25519_make  # its names are kept in large tables, which a whole firmware has
ed25519.let_go()
crumbs = [None] * 2000
try:
    for n in range(len(crumbs)):
        crumbs[n] = bytearray(176)
except MemoryError:
    pass
for n in range(150):
    if n % 5:
        crumbs[n] = None  # 4 in a row with their heads: 768 bytes
gc.collect()
print(gc.mem_free())
key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
print(ed25519.Verifier(key).verify(bytes(range(86)), bytes.fromhex("SIGNATURE")))
try:
    bytearray(1024)
    print("a larger block is free")
except MemoryError:
    pass
"""


def test_a_table_is_made_where_no_free_block_is_above_1_kb(tmp_path):
    program = tmp_path / "short.py"
    program.write_text(SHORT.replace("SIGNATURE", verify.signature(86)))
    files = firmware.compiled(firmware.build())
    firmware.compile_file(MACHINE_CODE, "companion/main.py", program, tmp_path / "short.mpy")
    files["companion/main.mpy"] = (tmp_path / "short.mpy").read_bytes()
    (tmp_path / "rom").write_bytes(firmware.pack(files))
    command = [firmware.binary(), "-X", "heapsize=128K", "-m", "on_board_rom", "--rom", tmp_path / "rom"]
    environment = {"MICROPYPATH": str(firmware.loader())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    free, *said = done.stdout.splitlines()
    assert said == ["True"] and int(free) < 24_000, done.stdout + done.stderr


def test_verifications_with_junk_between_them_leave_the_heap_as_it_was(tmp_path):
    gate.lay_out(tmp_path)
    with gate.GateMeter(tmp_path) as board:
        assert all(abs(lost) < 600 for lost in board.soaked(600))  # a leak is 16 bytes at least, each time
        for name in ("full", "other_slot", "malformed", "wrong_door", "expired"):
            assert board.cpu_ns(f"{name} 2", 2) > 0
        assert board.ask("make") == "done"
        with pytest.raises(MeterFailed):
            board.ask("nonsense 1")


def test_a_verification_takes_nothing_from_the_heap():
    with Meter("on_board_verify", "textbook", arguments=[verify.signature(verify.TOKENS)]) as board:
        assert board.ask("engine") == "viper"
        assert board.ask("heap").split() == ["0"] * 5
        assert int(board.ask("table")) <= 31_744


def test_the_frozen_verification_is_a_verification():
    with Frozen() as frozen:
        assert frozen.ns(2) > 0


def test_the_native_code_keeps_within_its_measure():
    assert 0 < verify.native_bytes(*verify.ED25519) <= 10_240


def test_a_bench_without_callgrind_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(callgrind, "HOME", tmp_path / "nowhere")
    monkeypatch.setattr(callgrind, "CACHE", tmp_path)
    monkeypatch.setattr(callgrind, "mirrors", list)
    monkeypatch.setattr(verify, "timed", dict)
    monkeypatch.setattr(verify, "native_bytes", lambda *_, arch="": 1)
    assert "verify.instr_libsodium_ratio" not in verify.measure()
    said = capsys.readouterr().out
    assert "instructions are not counted" in said
    assert "no mirror" in said
