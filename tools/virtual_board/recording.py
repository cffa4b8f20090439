"""Makes docs/pictures/install/terminal.svg: the tool's real output while it fits a door of a running hotel.

    python -m tools.virtual_board.recording
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from click.testing import CliRunner
from rich.console import Console
from rich.text import Text

from lockmate import fitting
from tools.installer.cli import main as tool
from tools.virtual_board.board import VirtualBoard
from tools.virtual_board.door import Hands, hung
from tools.virtual_board.site import Site, site
from tools.virtual_board.walking import Walk, is_code

OUT = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "install" / "terminal.svg"
_WIDTH = 96
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> int:
    """0 when the picture is written."""
    console = Console(record=True, width=_WIDTH, file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as hotel:
        board = hotel.board("ttyUSB0")
        code = fitting.codes.make(hotel.property, by=hotel.by)
        for words in (
            ("sign-in", hotel.house.web_url, code),
            ("flash", "--pin", hotel.image),
            ("flash", "--port", board.port),
            ("provision", 803, "--port", board.port, "--wifi-file", hotel.wifi),
            ("status", "--port", board.port),
        ):
            _show(console, hotel, *map(str, words))
        _accept(console, hotel, board)
    drawn = console.export_svg(title="lockmate-installer")
    OUT.write_text(_FONT_FACE.sub("", drawn), "utf-8")  # no fonts from elsewhere: the reader's own will do
    print(OUT)
    return 0


def _show(console: Console, hotel: Site, *words: str) -> None:
    around = {"LOCKMATE_INSTALLER_HOME": str(hotel.home), "LOCKMATE_LANGUAGE": "en", "COLUMNS": str(_WIDTH)}
    tidy = [_tidy(word, hotel) for word in words]
    console.print(f"$ lockmate-installer {' '.join(tidy)}", style="bold", markup=False, highlight=False)
    done = CliRunner().invoke(tool, list(words), env=around)
    console.print(_tidy(done.output.rstrip(), hotel), highlight=False, markup=False)


def _tidy(text: str, hotel: Site) -> str:
    """Places as an installer has them."""
    return text.replace(f"{hotel.folder}/ttyUSB", "/dev/ttyUSB").replace(f"{hotel.folder}/", "").replace(
        hotel.house.web_url, "https://hotel.example")  # fmt: skip


def _accept(console: Console, hotel: Site, board: VirtualBoard) -> None:
    """The walk as it stood on the terminal; of the four codes the first is shown."""
    with hung(board, hotel.folder / "door") as companion:
        walk = Walk(Hands(companion), hotel.home)
        ended = walk.accept(803, "--out", hotel.folder)
    if ended:
        raise SystemExit("\n".join(walk.screen))
    console.print("$ lockmate-installer accept 803", style="bold", markup=False, highlight=False)
    codes = 0
    for line in walk.screen:
        if is_code(line):
            codes += 1
            if codes * 2 <= len(line) + 1:
                console.print(Text(line, style="#ffffff on #000000"))
        else:
            console.print(_tidy(line, hotel), style="green" if line.startswith("✓") else None, highlight=False,
                          markup=False)


if __name__ == "__main__":
    raise SystemExit(main())
