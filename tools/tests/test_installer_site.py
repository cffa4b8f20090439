"""A door from a bare board to a signed certificate, and every way in which that can go wrong: on a running hotel."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pypdfium2
import pytest
import zxingcpp

from lockmate.doors import Companion
from lockmate.fitting.checks import CHECKS
from lockmate.records import Event
from tools.firmware_archive import build, to_tar
from tools.installer import partitions
from tools.installer.board import open_board
from tools.installer.trouble import Exit
from tools.virtual.companion import VirtualCompanion
from tools.virtual.image import read_image
from tools.virtual_board.door import Hands, hung
from tools.virtual_board.site import site
from tools.virtual_board.walking import Walk

LOOK = """
import os
start = {"__name__": "test"}
with open("/main.py") as file:
    exec(file.read(), start)
print(repr(os.listdir(start["firmware"]() + "/companion")))
"""
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One hotel, one laptop, and a board that was flashed."""
    with site(tmp_path_factory.mktemp("site")) as made:
        board = made.board("first", flash_size=8 << 20)
        code, said = made.run("flash", "--port", board.port, "--image", made.image)
        assert (code, said.get("did")) == (0, ["micropython", "firmware"]), said
        yield made, board


def files_of(fitted, board):
    place = fitted.folder / "look.img"
    place.write_bytes(board.image())
    return read_image(place)


def test_a_board_that_is_right_is_left_alone_within_two_seconds(fitted):
    made, board = fitted
    code, said = made.run("flash", "--port", board.port)
    assert (code, said["did"]) == (0, [])
    assert said["seconds"] < 2


def test_the_loaders_header_tells_the_flash_that_the_board_has(fitted):
    made, board = fitted
    assert made.image.read_bytes()[3] >> 4 == 2  # as the image came: 4 MB
    with board.flash.open("rb") as chip:
        chip.seek(partitions.LOADER_AT["ESP32"])
        assert chip.read(4)[3] >> 4 == 3  # 8 MB, by ESP-IDF's numbers


def test_an_older_firmware_gives_way_to_a_newer_one(fitted):
    made, board = fitted
    image = build("x86", "sim")
    older = dataclasses.replace(image, files=image.files | {"companion/old.mpy": b"old", "board.mpy": b"older"})
    archive = made.folder / "older.tar"
    archive.write_bytes(to_tar(older))
    assert made.run("flash", "--port", board.port, "--firmware", archive)[1]["did"] == ["firmware"]
    assert made.run("flash", "--port", board.port)[1]["did"] == ["firmware"]
    code, said = made.run("flash", "--port", board.port)
    assert (code, said["did"], said["digest"]) == (0, [], image.digest)
    assert made.run("status", "--port", board.port)[1]["board"]["slot"] == "a"
    with open_board(board.port) as line:
        assert "old.mpy" not in line.run(LOOK)
        line.put_rom(0, b"\xff" * 4096)
        line.freshen()
        assert "old.mpy" in line.run(LOOK)  # a slot that can't be mounted gives way to the other
    assert made.run("flash", "--port", board.port)[1]["did"] == ["firmware"]


def test_a_door_is_provisioned_accepted_and_stays_the_same_door(fitted):
    made, board = fitted
    code, said = made.run("provision", 803, "--port", board.port, "--wifi-file", made.wifi)
    assert (code, said["companion"], said["did"]) == (0, "c-240ac4000001", True), said
    key = files_of(made, board)["/key.der"]
    code, said = made.run("provision", 803, "--port", board.port, "--wifi-file", made.wifi)
    assert (code, said["did"]) == (0, False)
    assert files_of(made, board)["/key.der"] == key
    pins = ("--profile", "wroom-1")
    found = [made.run("provision", 803, "--port", board.port, *pins)[1]["did"] for _ in range(2)]
    assert found == [True, False]  # other pins are another configuration; the same ones are not
    assert json.loads(json.loads(files_of(made, board)["/config.json"])["profile"])["revision"] == "wroom-1"
    with hung(board, made.folder / "door-803") as companion:
        hands = Hands(companion)
        walk = Walk(hands, made.home)
        assert walk.accept(803, "--out", made.folder) == 0, walk.screen[-5:]
    assert set(hands.done) == set(CHECKS)
    files = sorted(made.folder.glob("acceptance-803-*"))
    assert [file.name.partition(".")[2] for file in files] == ["json", "json.sig", "pdf"]
    assert json.loads(files[0].read_bytes())["door"]["number"] == 803
    assert files[2].read_bytes().startswith(b"%PDF")
    # the walk moved the door's clock ahead of the cloud's: that is told once, not with every answer
    assert Event.select().where(Event.kind == "clock").count() < 5
    door = next(one for one in made.run("status")[1]["doors"] if one["number"] == 803)
    assert door["state"] in ("accepted", "in_service")


def test_two_doors_with_each_others_companions_are_told_by_the_code_that_opens(fitted):
    made, _board = fitted
    here, there = (VirtualCompanion(made.house.data / "flash" / f"demo-{door}.img") for door in (801, 802))
    with here, there:
        walk = Walk(Hands(there), made.home)  # who stands before door 801 has the companion of 802 there
        assert walk.accept(801) == Exit.CHECKS
    assert "(doors_swapped)" in walk.screen
    assert any("demo-802" in line for line in walk.screen)


def test_a_cable_pulled_at_any_step_of_provisioning_leaves_a_way_on(fitted):
    made, board = fitted
    step, pulled = 1, 0
    while True:
        board.plug()
        before = board.runs
        board.unplug_at(step)
        code, said = made.run("provision", 804, "--port", board.port, "--anew")
        if code == 0:
            break
        assert (code, said["code"]) == (Exit.CABLE, "unplugged"), said
        pulled += 1
        step = max(step + 1, int((board.runs - before) * 1.6))  # not each of a hundred: the long run does that
    board.unplug_never()
    assert pulled >= 3
    assert json.loads(files_of(made, board)["/config.json"])["door"] == 804
    assert "/provision/done" not in files_of(made, board)


def test_what_is_wrong_with_cable_or_board_is_said_with_a_way_on(fitted):
    made, board = fitted
    board.plug()
    cases = [
        (("flash", "--port", made.folder / "nothing"), Exit.CABLE, "port_missing"),
        (("provision", 804, "--port", board.port, "--anew", "--wifi-file", _wifi(made, "Hotel", "wrong")), Exit.BOARD,
         "wifi_failed"),
        (("provision", 9999, "--port", board.port), Exit.CLOUD, "cloud_refused"),
        (("flash", "--port", board.port, "--firmware", made.wifi), Exit.FAILED, "file_wrong"),
        (("flash", "--port", board.port, "--image", made.wifi, "--anew"), Exit.BOARD, "image_wrong"),
        (("label", "--sheet", "L0000"), Exit.FAILED, "unknown_sheet"),
        (("sign-in", "http://hotel.example", "AAAAA"), Exit.CLOUD, "not_secure"),
    ]  # fmt: skip
    for words, exit_code, code in cases:
        found, said = made.run(*words)
        assert (found, said["code"]) == (exit_code, code), said
        assert said["what"] and said["do"], said


def _wifi(made, name, password):
    path = made.folder / "other.toml"
    path.touch(0o600)
    path.write_text(f'[[network]]\nssid = "{name}"\npassword = "{password}"\n', "utf-8")
    return path


def test_a_certificate_is_renewed_over_the_cable_and_a_wiped_board_is_nobodys(fitted):
    made, board = fitted
    if "/config.json" not in files_of(made, board):  # no test before this one had it
        board.plug()
        code, said = made.run("provision", 804, "--port", board.port)
        assert code == 0, said
    before = files_of(made, board)
    code, said = made.run("rotate-cert", "--port", board.port)
    after = files_of(made, board)
    assert code == 0, said
    assert after["/cert.der"] != before["/cert.der"] and after["/key.der"] != before["/key.der"]
    assert after["/config.json"] == before["/config.json"]
    companion = json.loads(after["/config.json"])["companion_id"]
    assert Companion.get(Companion.companion_id == companion).certificate_serial == said["certificate"]
    code, said = made.run("wipe", "--port", board.port, "--yes")
    assert (code, said["companion"]) == (0, companion)
    assert not {name for name in files_of(made, board) if name.endswith((".der", "config.json"))}
    assert Companion.get(Companion.companion_id == companion).state == "retired"


def test_a_spare_takes_over_a_door_without_a_laptop(fitted):
    made, board = fitted
    code, said = made.run("provision", "--spare", "--port", board.port)
    assert code == 0, said
    assert made.run("replace", 901, said["spare_code"])[0] == 0
    accepted, _hands = made.accept(board, 901)
    assert accepted.door == 901


def test_a_bundle_provisions_where_there_is_no_network(fitted):
    made, board = fitted
    place = made.folder / "site.bundle"
    code, said = made.run("bundle", "fetch", place, "902-903")
    assert (code, said["prepared"]) == (0, [902, 903]), said
    assert b"BEGIN" not in place.read_bytes() and b"link_key" not in place.read_bytes()
    code, said = made.run("provision", 902, "--port", board.port, "--bundle", place)
    assert code == 0, said
    assert made.run("provision", 902, "--port", board.port, "--bundle", place)[1]["did"] is False
    assert made.run("provision", 904, "--port", board.port, "--bundle", place)[1]["code"] == "not_in_bundle"
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    assert made.run("provision", 903, "--port", board.port, "--bundle", place)[1]["code"] == "bundle_wrong"


def test_a_bench_flashes_and_provisions_each_board_for_its_door_and_tells_what_one_lacks(fitted):
    made, board = fitted
    shutil.copy(board.flash, made.folder / "third.flash")  # a board that MicroPython was flashed on before
    other = made.board("third")
    gone = made.folder / "fourth"
    code, said = made.run("bench", f"{board.port}=903", f"{other.port}=spare", f"{gone}=904", "--wifi-file", made.wifi)
    assert (code, said["port"], said["code"]) == (Exit.CABLE, str(gone), "port_missing")
    code, said = made.run("bench", f"{other.port}=spare", f"{board.port}=903", "--wifi-file", made.wifi)
    assert (code, said["port"], said["door"], said["did"]) == (0, board.port, 903, False), said
    spares = [one["spare_code"] for one in made.run("status")[1]["boards"] if one["state"] == "spare"]
    assert len(spares) == 1


def test_every_sticker_leads_to_its_door(fitted):
    made, _board = fitted
    place = made.folder / "labels.pdf"
    code, said = made.run("label", "801-804", "--out", place, "--skip", 19)
    assert (code, said["labels"]) == (0, 4)
    pages = pypdfium2.PdfDocument(str(place))
    read = [found.text for page in pages for found in zxingcpp.read_barcodes(page.render(scale=4).to_pil())]
    doors = {one["sticker"] for one in made.run("status")[1]["doors"] if 801 <= one["number"] <= 804}
    assert (len(pages), set(read)) == (2, doors)
