"""The installer's tool by itself: what it needs, its words, its partition table, its codes on the screen."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import string
import struct
import subprocess
import sys

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from tools.firmware_archive import FirmwareImage, build
from tools.installer import chips, flashing, partitions, pins, profiles, sources
from tools.installer.accepting import drawn
from tools.installer.bench import run
from tools.installer.board import Report, open_board
from tools.installer.guide import Person
from tools.installer.say import LANGUAGES, Voice, catalogue, language_of
from tools.installer.trouble import CODES, Trouble
from tools.virtual_board.board import FLASH, VirtualBoard
from tools.virtual_board.image import image

BLOCK = 4096
BLOCKS_LEAST = 42  # of the raw store: what firmware/companion/store uses at most
_WEB = ("flask", "peewee", "werkzeug", "gunicorn", "paho", "littlefs")


def test_it_loads_without_the_cloud():
    """Every module of it, and the labels; nothing of the web or the database comes along."""
    code = (
        "import sys, pkgutil, importlib, tools.installer as t\n"
        "[importlib.import_module(f'tools.installer.{m.name}') for m in pkgutil.iter_modules(t.__path__) "
        "if m.name != '__main__']\n"
        "import lockmate.paper.labels\n"
        f"print([name for name in {_WEB} if name in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.stdout.strip() == "[]", done.stderr


def test_both_languages_say_the_same_with_the_same_facts():
    def flat(table, prefix=""):
        for name, value in table.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{name}.")
            else:
                yield prefix + name, {fact for _, fact, _, _ in string.Formatter().parse(value) if fact}

    assert dict(flat(catalogue("en"))) == dict(flat(catalogue("zh-CN")))


def test_every_trouble_says_what_happened_and_what_to_do():
    for language in LANGUAGES:
        assert set(catalogue(language)["error"]) == set(CODES)


@pytest.mark.parametrize(("around", "language"), [
    ({"LOCKMATE_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
    ({"LANG": "C"}, "en"),
])  # fmt: skip
def test_the_language_is_chosen_or_the_machines(around, language):
    assert language_of(around) == language


@pytest.mark.parametrize("romfs", [True, False])
@pytest.mark.parametrize("megabytes", [4, 8, 16, 32])
def test_the_table_has_two_slots_of_both_fills_the_flash_and_nothing_overlaps(megabytes, romfs):
    size = megabytes * 1024 * 1024
    parts = partitions.layout(size, romfs=romfs)
    assert [part.label for part in parts if part.kind == 0] == ["ota_0", "ota_1"]
    assert all(part.offset % BLOCK == part.size % BLOCK == 0 for part in parts)
    named = {part.label: part for part in parts}
    assert ("romfs" in named) == romfs
    if romfs:
        assert named["romfs"].size // 2 % BLOCK == 0
    assert named["store"].size // BLOCK >= BLOCKS_LEAST
    assert named["vfs"].size >= 192 * 1024  # a provisioned board uses 80 KB
    for before, after in itertools.pairwise(parts):
        assert before.offset + before.size <= after.offset
    assert parts[-1].offset + parts[-1].size == size
    assert all(part.offset % 0x10000 == 0 for part in parts if part.kind == 0)
    packed = partitions.table(parts)
    entries = packed[: 32 * len(parts)]
    assert packed[32 * len(parts) :][:32] == b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()
    assert struct.unpack("<2sBBII", entries[:12]) == (b"\xaa\x50", 1, 2, 0x9000, 0x4000)


def test_the_firmware_fits_its_slot_in_the_smallest_flash_with_room_to_grow():
    assert len(build("xtensawin", "esp32").rom) * 1.2 < partitions.known()[0].firmware


def test_a_flash_that_is_too_small_or_an_image_that_is_none_is_refused():
    small = chips.Chip("ESP32", "240ac4000001", 4 * 1024 * 1024)
    cases = [
        (lambda: partitions.layout(2 * 1024 * 1024, romfs=False), "flash_small"),
        (lambda: partitions.read_image(b"not an image at all"), "image_wrong"),
        (lambda: partitions.read_image(image("esp32")[:0x9000]), "image_wrong"),
        (lambda: chips.write_micropython("/dev/null", small, image("esp32", 0x1A0001)), "image_too_large"),
        (lambda: chips.write_micropython("/dev/null", small, image("esp32c6")), "wrong_chip"),
    ]
    for act, code in cases:
        with pytest.raises(Trouble) as trouble:
            act()
        assert trouble.value.code == code
    assert partitions.read_image(image("esp32c6")).chip == "ESP32-C6"
    assert partitions.read_image(image("esp32")).knows_romfs
    assert not partitions.read_image(image("esp32", romfs=False)).knows_romfs


def test_an_image_for_download_is_refused_on_a_board_that_has_no_memory_for_it(tmp_path):
    with VirtualBoard(tmp_path) as board:
        with board.flash.open("r+b") as chip:  # what esptool leaves of an image without ROMFS
            table = partitions.table(partitions.layout(FLASH, romfs=False))
            for place, body in ((partitions.LOADER_AT["ESP32"], b"\xe9"), (partitions.APP_AT, b"\xe9"),
                                (partitions.TABLE_AT, table)):  # fmt: skip
                chip.seek(place)
                chip.write(body)
        with pytest.raises(Trouble) as trouble:
            flashing.flash(board.port, lambda arch, kind: FirmwareImage("0", kind, arch, b"", {"board.mpy": b""}), None)
        assert trouble.value.code == "no_romfs"
        with open_board(board.port) as line:
            assert line.report().names == ()


def test_a_cable_pulled_in_the_chips_loader_is_told(tmp_path):
    with VirtualBoard(tmp_path) as board:
        board.unplug_in_loader(60)
        with pytest.raises(Trouble) as trouble:
            flashing.flash(board.port, sources.firmware(None, tmp_path), lambda _chip: image("esp32"))
        assert trouble.value.code == "unplugged"
        assert not board.starts


def test_a_pinned_image_is_used_only_with_its_hash(tmp_path):
    content = image("esp32")
    (tmp_path / "image.bin").write_bytes(content)
    url = (tmp_path / "image.bin").as_uri()
    good = pins.Pin("ESP32", "1.25.0", url, hashlib.sha256(content).hexdigest())
    assert pins.fetch([good], "ESP32", "", tmp_path / "kept") == content
    (tmp_path / "image.bin").unlink()
    assert pins.fetch([good], "ESP32", "1.25.0", tmp_path / "kept") == content  # kept from before
    (tmp_path / "image.bin").write_bytes(content + b"x")
    with pytest.raises(Trouble) as trouble:
        pins.fetch([pins.Pin("ESP32", "1.26.0", url, good.sha256[::-1])], "ESP32", "", tmp_path / "kept")
    assert trouble.value.code == "image_wrong"
    with pytest.raises(Trouble) as trouble:
        pins.fetch([good], "ESP32-C3", "", tmp_path / "kept")
    assert trouble.value.code == "no_image"
    assert pins.read() == []


def test_an_image_is_pinned_by_one_command_and_taken_from_then_on(tmp_path):
    kept, given = tmp_path / "images", tmp_path / "firmware.bin"
    for chip in ("esp32", "esp32c6"):
        given.write_bytes(image(chip))
        line = sources.pin(given, kept)
    assert sources.pin(given, kept) == line  # twice is once
    assert "romfs = true" in line
    assert [(pin.chip, pin.version) for pin in pins.known(kept)] == [("ESP32-C6", "1.25.0"), ("ESP32", "1.25.0")]
    given.unlink()
    assert sources.micropython(None, "", "", None, kept)("ESP32") == image("esp32")
    newer = image("esp32", 24_000)
    given.write_bytes(newer)
    sources.pin(given, kept)
    assert sources.micropython(None, "", "1.25.0", None, kept)("ESP32") == newer
    listed = tmp_path / "others.toml"
    listed.write_text(line, "utf-8")
    with pytest.raises(Trouble):
        sources.micropython(None, "", "", listed, kept)("ESP32")  # a list that is named is the only one


def test_a_board_gets_pins_for_its_own_chip_or_nothing():
    report = Report(serial="240ac4000001", board="esp32", chip="ESP32-S3", arch="xtensawin", micropython="1.25.0",
                    running=False, slot="a", start="", slots={}, rom=0, memory=0, config={}, certificate="", key=False,
                    tables={}, free=0, names=())  # fmt: skip
    profiles.fit(profiles.read("s3-1"), report)
    for name, code in ((None, "profile_missing"), ("wroom-1", "profile_chip")):
        with pytest.raises(Trouble) as trouble:
            profiles.fit(profiles.read(name), report)
        assert trouble.value.code == code
    profiles.fit("", dataclasses.replace(report, board="sim"))


def test_the_code_on_the_screen_can_be_read():
    text = "HK1:" + "A1B2C3D4E5F6G7H8" * 9 + "XYZ"
    rows = drawn(text).splitlines()
    assert (len(rows), {len(row) for row in rows}) == (23, {45})  # a window of 80 by 24 holds it
    light = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
    picture = Image.new("L", (len(rows[0]), 2 * len(rows)))
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            picture.putpixel((x, 2 * y), light[letter][0])
            picture.putpixel((x, 2 * y + 1), light[letter][1])
    large = picture.resize((picture.width * 6, picture.height * 6), Image.NEAREST)
    assert [found.text for found in zxingcpp.read_barcodes(large)] == [text]


def test_a_code_is_white_on_black_whatever_the_windows_colours(capsys, monkeypatch):
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    Voice().show("██ ▄")
    assert "\x1b[38;2;255;255;255;48;2;0;0;0m██ ▄" in capsys.readouterr().err


def test_a_program_is_told_each_step_with_its_code_and_answers_by_a_line():
    with CliRunner().isolation(input="y\nn\n") as (out, *_rest):
        person = Person(Voice(as_json=True))
        person.step({"name": "valid"}, "HK1:CODE")
        answers = [person.ask("light"), person.ask("sound")]
        told = json.loads(out.getvalue().decode().splitlines()[0])
    assert (told, answers) == ({"step": "valid", "code": "HK1:CODE"}, [True, False])


def test_a_bench_tells_each_board_apart_and_ends_with_the_worst(tmp_path, capsys):
    import click

    ports = [str(tmp_path / name) for name in ("one", "two")]
    commands = {port: [["flash", "--port", port], ["provision", "801"]] for port in ports}
    with click.Context(click.Command("flash")), pytest.raises(click.exceptions.Exit) as ended:
        run(Voice(as_json=True), commands)
    assert ended.value.exit_code == 3
    told = capsys.readouterr().out.splitlines()
    assert [port in line and "port_missing" in line for port, line in zip(ports, told, strict=True)] == [True, True]
