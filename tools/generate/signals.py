"""Draws docs/pictures/signals.svg from the firmware's own tables: what light and sound tell at the door.

`python -m tools.generate.signals` writes it; a test holds picture and tables equal.
"""

from __future__ import annotations

import importlib.util
import sys
from html import escape
from types import ModuleType

from companion.core import names
from tools.checks.tree import ROOT

PICTURE = ROOT / "docs" / "pictures" / "signals.svg"
_ROWS = (
    ("Open", "开门", names.OPEN, "come in"),
    ("Reset code taken", "已重置", names.RESET, "now scan your own code"),
    ("Wrong room", "房间不对", names.WRONG_DOOR, "look at the number on the door"),
    ("Too early", "时间未到", names.NOT_YET_VALID, "the stay has not begun"),
    ("Too late", "已过期", names.EXPIRED, "fetch a fresh code; or the stay has ended"),
    ("Clock unsure", "门锁时间未定", names.CLOCK_LOST, "the door does not know the time: ask the desk"),
    ("Not read", "无法识别", names.MALFORMED, "hold the code still, a hand's width away"),
    ("Refused", "不能开门", names.REVOKED, "ask the desk"),
)
_STATES = (
    ("At rest", "待机", "_IDLE", "ready"),
    ("Fault", "故障", "_FAULT", "not your doing: scan again, then ask the desk"),
    ("Needs somebody", "需要维护", "_TROUBLE", "a card or the desk opens; call the technician"),
)
_SPAN = 3000  # ms on the strip
_STRIP = 300
_ROW = 46
_TOP = 76


def _module(path: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "firmware" / path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows() -> list[tuple[str, str, tuple[str, str, str], str]]:
    """(English, Chinese, (colour, pattern, sound), what to do) of everything that is shown."""
    feedback = _module("companion/door/feedback.py", "feedback")
    seen: list[tuple[str, str, str]] = []

    class Lamp:
        def light(self, colour: str, pattern: str) -> None:
            seen.append((colour, pattern, ""))

        def sound(self, name: str) -> None:
            seen[-1] = (*seen[-1][:2], name)

    shows = feedback.Feedback(Lamp())
    found = []
    for english, chinese, verdict, do in _ROWS:
        shows.verdict(verdict, 0)
        found.append((english, chinese, seen[-1], do))
    return found + [(english, chinese, getattr(feedback, name), do) for english, chinese, name, do in _STATES]


def draw() -> str:
    """The picture."""
    tables = _module("boards/esp32/signals.py", "signals")
    parts = []
    listed = rows()
    height = _TOP + _ROW * len(listed) + 40
    for n, (english, chinese, (colour, pattern, sound), do) in enumerate(listed):
        top = _TOP + n * _ROW
        parts.append(f'<text x="20" y="{top + 14}" font-weight="bold">{escape(english)} {chinese}</text>')
        parts.append(f'<text x="20" y="{top + 31}" fill="#555">{escape(do)}</text>')
        parts += _strip(tables, colour, pattern, top)
        parts += _notes(tables, sound, top)
    return _PAGE.format(height=height, foot=height - 14, rows="\n".join(parts)) + "\n"


def _strip(tables: ModuleType, colour: str, pattern: str, top: int) -> list[str]:
    """Three seconds of light, left to right."""
    red, green, blue = (round(255 * min(100, part * 1.2) / 100) for part in tables.COLOURS[colour])
    found = [f'<rect x="330" y="{top}" width="{_STRIP}" height="24" fill="#222"/>']
    at = 0
    while at < _SPAN:
        for ms, brightness in tables.PATTERNS[pattern]:
            width = min(ms, _SPAN - at) * _STRIP / _SPAN
            if brightness and width > 0:
                found.append(
                    f'<rect x="{330 + at * _STRIP / _SPAN:g}" y="{top}" width="{width:g}" height="24" '
                    f'fill="rgb({red},{green},{blue})" opacity="{max(0.25, brightness / 100):g}"/>'
                )
            at += ms
    return found


def _notes(tables: ModuleType, sound: str, top: int) -> list[str]:
    """The sound, on the same scale of time; higher is higher."""
    if not sound:
        return [f'<text x="650" y="{top + 16}" fill="#888">silent</text>']
    found = [f'<line x1="650" y1="{top + 24}" x2="730" y2="{top + 24}" stroke="#999"/>']
    at = 650.0
    for hertz, ms in tables.SOUNDS[sound]:
        width = ms * _STRIP / _SPAN
        if hertz:
            place = f'x="{at:g}" y="{top + 22 - hertz / 90:.1f}" width="{width:g}" height="4"'
            found.append(f'<rect {place} fill="#1a56b0"/>')
        at += width
    return found


_PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img" font-family="sans-serif"
 font-size="12" aria-label="What light and sound tell at the door">
<rect width="760" height="{height}" fill="#fff"/>
<text x="20" y="26" font-size="16" font-weight="bold">Light and sound 灯光与声音</text>
<text x="330" y="58" fill="#555">light, three seconds</text><text x="650" y="58" fill="#555">sound</text>
{rows}
<text x="20" y="{foot}" font-size="11" fill="#555">Shown for three seconds, then the light is at rest again.</text>
</svg>"""


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(draw(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
