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

from lockmate import fitting
from tools.installer.cli import main as tool
from tools.installer.say import Voice
from tools.installer.trouble import Trouble
from tools.virtual_board.door import Hands, hung
from tools.virtual_board.site import Site, site

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
            ("flash", "--port", board.port, "--image", hotel.image),
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
    console.print(f"$ lockmate-installer {' '.join(tidy)}", style="bold")
    done = CliRunner().invoke(tool, list(words), env=around)
    console.print(_tidy(done.output.rstrip(), hotel), highlight=False)


def _tidy(text: str, hotel: Site) -> str:
    """Places as an installer has them."""
    return text.replace(f"{hotel.folder}/ttyUSB", "/dev/ttyUSB").replace(f"{hotel.folder}/", "").replace(
        hotel.house.web_url, "https://hotel.example")  # fmt: skip


def _accept(console: Console, hotel: Site, board: object) -> None:
    from tools.installer import accepting
    from tools.virtual_board.board import VirtualBoard

    assert isinstance(board, VirtualBoard)
    console.print("$ lockmate-installer accept 803", style="bold")
    voice = Voice(language="en")
    with hung(board, hotel.folder / "door") as companion:

        class Shown(Hands):
            def passed(self, check: dict[str, object]) -> None:
                super().passed(check)
                key = "say.check_passed" if check["state"] == "passed" else "say.check_absent"
                name = voice.word("name", str(check["name"]))
                console.print(voice.text(key, check=name, note=check["note"]), style="green", highlight=False)

        try:
            done = accepting.accept(hotel.cloud(), 803, Shown(companion), patience_s=60)
        except Trouble as trouble:
            raise SystemExit(str(trouble)) from trouble
    last = voice.text("say.accepted", door=803, companion=done.companion, file="acceptance-803.pdf")
    console.print(last, style="green")


if __name__ == "__main__":
    raise SystemExit(main())
