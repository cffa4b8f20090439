"""Twenty doors from bare boards to certificates, one after the other, with a fault at each."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockmate import fitting
from tools.installer.trouble import Trouble
from tools.virtual_board.image import image
from tools.virtual_board.site import Site, site

if TYPE_CHECKING:
    from tools.faults.tally import Tally
    from tools.virtual_board.board import VirtualBoard

ROUNDS = 20
_FIRST = 1001
_CHIPS = ("esp32", "esp32s3", "esp32c3", "esp32c6")
_TRIES = 60
_FILL = """
n=0
try:
 while 1:
  with open('/junk%d'%n,'wb')as f:f.write(bytes(2048))
  n+=1
except OSError:pass
print(n)
"""


def run(tally: Tally, rounds: int = ROUNDS, seed: int = 11) -> None:
    """Each door meets one fault; every command must say what it is with a code, and the next try must go on."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="lockmate-installer-") as folder, site(Path(folder)) as hotel:
        rooms = "number,name\n" + "".join(f"{_FIRST + n},{_FIRST + n}\n" for n in range(rounds))
        fitting.rooms.import_csv(hotel.property, rooms, by=hotel.by)
        own: list[float] = []
        faults: tuple[Callable[..., None], ...] = (_unplugged, _wrong_chip, _full, _wrong_wifi, _no_rights, _hub)
        for n in range(rounds):
            chip = _CHIPS[n % len(_CHIPS)]
            board = hotel.board(f"board-{n}", chip=chip)
            hotel.image.write_bytes(image(chip))
            fault = faults[n % len(faults)]
            begun = time.monotonic()
            fault(hotel, board, tally, dice)
            tally.fault()
            spent = _fit(hotel, board, _FIRST + n, tally)
            own.append(spent)
            print(f"  door {_FIRST + n}: {chip}, {fault.__name__.strip('_')}; own time {spent:.1f} s of "
                  f"{time.monotonic() - begun:.1f} s", flush=True)  # fmt: skip
            board.close()
        states = {one.door.number: one for one in fitting.fleet.doors(hotel.property)}
        for n in range(rounds):
            fitted = states[_FIRST + n].fitted
            tally.check(len(fitted) == 1 and fitted[0].acceptance_id is not None,
                        f"door {_FIRST + n} has no certificate: {states[_FIRST + n].lacks}")
        own.sort()
        print(f"  the tool's own time for a door: median {own[len(own) // 2]:.1f} s, most {own[-1]:.1f} s", flush=True)


def _fit(hotel: Site, board: VirtualBoard, door: int, tally: Tally) -> float:
    """Flash, provision, accept; seconds that the tool took, a board's esptool minutes not among them."""
    spent = 0.0
    for words in (("flash", "--image", hotel.image), ("provision", door, "--wifi-file", hotel.wifi)):
        begun = time.monotonic()
        code, said = hotel.run(*words, "--port", board.port)
        spent += time.monotonic() - begun
        tally.check(code == 0, f"door {door}: {words[0]} ended with {code}: {said}")
    begun = time.monotonic()
    try:
        hotel.accept(board, door)
        tally.check(True, "")
    except Trouble as trouble:
        tally.check(False, f"door {door}: not accepted: {trouble.code} {trouble.facts}")
    return spent + time.monotonic() - begun


def _said(tally: Tally, answer: tuple[int, dict[str, Any]], wanted: str) -> None:
    code, said = answer
    tally.check(code != 0 and said.get("code") == wanted, f"wanted {wanted}, got {code}: {said}")
    tally.check(said.get("what") and said.get("do"), f"{wanted} says neither what nor what to do")


def _unplugged(hotel: Site, board: VirtualBoard, tally: Tally, dice: random.Random) -> None:
    """The cable goes again and again, a few commands further each time; at first while the chip's loader writes."""
    for furthest in (40, 120, 200):
        board.plug()
        board.unplug_in_loader(dice.randrange(1, furthest))
        _said(tally, hotel.run("flash", "--image", hotel.image, "--port", board.port), "unplugged")
    for words in (("flash", "--image", hotel.image), ("provision", 801 + dice.randrange(4), "--beside")):
        for turn in range(_TRIES):
            board.plug()
            board.unplug_at(dice.randrange(1, 6 + 3 * turn))
            code, said = hotel.run(*words, "--port", board.port)
            if code == 0:
                break
            _said(tally, (code, said), "unplugged")
        tally.check(code == 0, f"{words[0]} did not come to an end in {_TRIES} tries: {said}")
    board.unplug_never()
    board.plug()


def _wrong_chip(hotel: Site, board: VirtualBoard, tally: Tally, _dice: random.Random) -> None:
    other = next(chip for chip in _CHIPS if chip != board.chip)
    wrong = hotel.folder / "other.bin"
    wrong.write_bytes(image(other))
    before = board.flash.read_bytes()
    _said(tally, hotel.run("flash", "--port", board.port, "--image", wrong), "wrong_chip")
    tally.check(board.flash.read_bytes() == before, "something was written with an image for another chip")


def _full(hotel: Site, board: VirtualBoard, tally: Tally, _dice: random.Random) -> None:
    """Somebody filled the file system."""
    from tools.installer.board import open_board

    hotel.run("flash", "--port", board.port, "--image", hotel.image)
    with open_board(board.port) as opened:
        opened.run(_FILL)
    _said(tally, hotel.run("provision", 801, "--beside", "--port", board.port), "flash_full")
    with open_board(board.port) as opened:
        opened.remove(*(f"/{name}" for name in opened.report().names if name.startswith("junk")))


def _wrong_wifi(hotel: Site, board: VirtualBoard, tally: Tally, _dice: random.Random) -> None:
    hotel.run("flash", "--port", board.port, "--image", hotel.image)
    wrong = hotel.folder / "wrong.toml"
    wrong.touch(0o600)
    wrong.write_text('[[network]]\nssid = "Hotel"\npassword = "open says me"\n', "utf-8")
    _said(tally, hotel.run("provision", 801, "--beside", "--port", board.port, "--wifi-file", wrong), "wifi_failed")
    with_board = hotel.run("status", "--port", board.port)[1]["board"]
    tally.check(with_board["companion"] == "", "a companion was stored although its network can't be joined")


def _hub(hotel: Site, board: VirtualBoard, tally: Tally, _dice: random.Random) -> None:
    """Two boards at once, one of them without its cable: the other is not held up, and the next try does both.

    Then both are provisioned at once, as spares: the door comes later.
    """
    with hotel.board(f"{Path(board.port).name}-beside", chip=board.chip) as other:
        words = ("flash", "--image", hotel.image, "--bench", board.port, "--bench", other.port)
        other.unplug()
        _said(tally, hotel.run(*words), "port_missing")
        code, said = hotel.run("flash", "--port", board.port)
        tally.check((code, said.get("did")) == (0, []), f"the other board was held up: {said}")
        other.plug()
        code, said = hotel.run(*words)
        tally.check(code == 0 and said["port"] == other.port, f"two boards at once ended with {code}: {said}")
        code, said = hotel.run("bench", f"{board.port}=spare", f"{other.port}=spare", "--wifi-file", hotel.wifi)
        tally.check(code == 0 and said["spare_code"], f"two spares at once ended with {code}: {said}")


def _no_rights(hotel: Site, board: VirtualBoard, tally: Tally, _dice: random.Random) -> None:
    """A port that may not be opened: asked for as nobody, since root may open all."""
    if os.geteuid() == 0:
        os.chmod(os.path.realpath(board.port), 0o600)  # noqa: PTH101 - a device
        for folder in (hotel.folder, *hotel.folder.parents[:1]):
            folder.chmod(0o755)
        os.seteuid(65534)
        try:
            answer = hotel.run("flash", "--port", board.port)
        finally:
            os.seteuid(0)
        _said(tally, answer, "port_denied")
    _said(tally, hotel.run("flash", "--port", f"{board.port}-gone", "--image", hotel.image), "port_missing")
