"""The virtual board is what mpremote and esptool expect: raw REPL, raw paste, soft reset, file system, loader."""

from __future__ import annotations

import contextlib
import struct
import subprocess
import sys

import pytest
from mpremote.transport import TransportExecError
from mpremote.transport_serial import SerialTransport

from tools.virtual_board.board import VirtualBoard
from tools.virtual_board.image import image


def entry(kind, sub, offset, size, label):
    return struct.pack("<2sBBII16sI", b"\xaa\x50", kind, sub, offset, size, label.encode(), 0)


def started(board):
    """What a loader would have written: an application and a table."""
    with board.flash.open("r+b") as chip:
        for place in (0x1000, 0x10000):
            chip.seek(place)
            chip.write(b"\xe9")
        chip.seek(0x8000)
        chip.write(entry(0, 0x10, 0x10000, 0x1A0000, "ota_0") + entry(1, 0x81, 0x390000, 0x70000, "vfs"))
    return board


@pytest.fixture
def board(tmp_path):
    with VirtualBoard(tmp_path) as made:
        yield started(made)


@pytest.fixture
def line(board):
    made = SerialTransport(board.port)
    made.enter_raw_repl(soft_reset=False)
    yield made
    with contextlib.suppress(OSError):  # mpremote moves a line of a port that may be gone
        made.close()
    made.serial.close()


def test_mpremote_runs_code_by_raw_paste(line):
    assert line.exec("print(6 * 7)") == b"42\n"
    assert line.use_raw_paste
    assert line.exec("x = '" + "y" * 5_000 + "'; print(len(x))") == b"5000\n"


def test_an_error_comes_back_as_one(line):
    with pytest.raises(TransportExecError) as failed:
        line.exec("1 / 0")
    assert "ZeroDivisionError" in failed.value.error_output


def test_plain_raw_mode_works_too(line):
    line.use_raw_paste = False
    assert line.exec("print('plain')") == b"plain\n"


def test_a_soft_reset_forgets_names_and_keeps_files(line):
    line.fs_writefile("/kept.txt", b"here")
    line.exec("forgotten = 1")
    line.enter_raw_repl(soft_reset=True)
    assert line.exec("print('forgotten' in dir())") == b"False\n"
    assert line.fs_readfile("/kept.txt") == b"here"


def test_ctrl_c_ends_what_runs(line):
    line.exec_raw_no_follow("print('on')\nwhile True: pass")
    line.read_until(1, b"on\n")
    line.serial.write(b"\x03")
    assert b"KeyboardInterrupt" in line.follow(5)[1]
    assert line.exec("print('again')") == b"again\n"


def test_the_flash_outlives_the_cable(tmp_path):
    for content in (None, b"written before"):
        with VirtualBoard(tmp_path, "same") as board:
            started(board) if content is None else None
            line = SerialTransport(board.port)
            line.enter_raw_repl()
            if content is None:
                line.fs_writefile("/file", b"written before")
            else:
                assert line.fs_readfile("/file") == content
            line.close()


def test_two_boards_do_not_see_each_other(tmp_path):
    one, two = (VirtualBoard(tmp_path, name, mac=f"240ac400000{name}") for name in "12")
    with one, two:
        lines = [SerialTransport(started(board).port) for board in (one, two)]
        for line in lines:
            line.enter_raw_repl()
        macs = [line.exec("import machine; print(machine.unique_id().hex())").strip() for line in lines]
        assert macs == [b"240ac4000001", b"240ac4000002"]
        for line in lines:
            line.close()


def test_a_pulled_cable_is_an_error_and_the_board_comes_back(board, line):
    board.unplug_at(2)
    assert line.exec("print(1)") == b"1\n"
    with pytest.raises(OSError):
        line.exec("print(2)")
    board.plug()
    again = SerialTransport(board.port)
    again.enter_raw_repl()
    assert again.exec("print(3)") == b"3\n"
    again.close()


def test_an_empty_chip_runs_nothing(tmp_path):
    with VirtualBoard(tmp_path) as bare:
        assert not bare.starts
        line = SerialTransport(bare.port)
        line.serial.write(b"\r")
        assert b"invalid header" in line.read_until(1, b"\n", timeout=5)
        line.close()


def test_esptool_writes_and_reads_back_through_the_loader(tmp_path):
    content = tmp_path / "content.bin"
    content.write_bytes(image("esp32c3", 30_000))
    with VirtualBoard(tmp_path, "c3", chip="esp32c3") as board:
        words = ["--port", board.port, "--no-stub", "--after", "no-reset", "write-flash", "0x20000", str(content)]
        done = subprocess.run([sys.executable, "-m", "esptool", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Hash of data verified" in done.stdout
        with board.flash.open("rb") as chip:
            chip.seek(0x20000)
            assert chip.read(content.stat().st_size) == content.read_bytes()
