"""Draws the points of a fleet's measure: `python -m tools.fleet.plot build/fleet.json docs/pictures/fleet.svg`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 360, 240, 56, 34, 40
_CURVES = (("kib", 1024.0, "memory, MiB"), ("cpu_ms_hour", 36_000.0, "processor, % of one core"))


def draw(points: list[dict[str, float]]) -> str:
    """One panel for each curve: its value against the number of doors, both from zero."""
    panels = [_panel(points, name, unit, title, n * (_WIDTH + 24)) for n, (name, unit, title) in enumerate(_CURVES)]
    width = len(_CURVES) * (_WIDTH + 24)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" font-family="sans-serif" '
            f'font-size="12"><rect width="{width}" height="{_HEIGHT}" fill="#fff"/>' + "".join(panels) + "</svg>\n")


def _panel(points: list[dict[str, float]], name: str, unit: float, title: str, left: float) -> str:
    places = [(point["doors"], point[name] / unit) for point in points]
    most_x, most_y = max(x for x, _ in places), _round_up(max(y for _, y in places))
    right, floor = left + _WIDTH, _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        span = right - 12 - left - _LEFT
        return left + _LEFT + x / most_x * span, floor - y / most_y * (floor - _TOP)

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*place) for place in [(0, 0), *places]))
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1d5fa8"/>' for x, y in (at(*one) for one in places))
    marks = "".join(f'<text x="{left + _LEFT - 6}" y="{at(0, y)[1] + 4:.1f}" text-anchor="end">{y:g}</text>'
                    for y in (0, most_y / 2, most_y))
    doors = "".join(f'<text x="{at(x, 0)[0]:.1f}" y="{floor + 16}" text-anchor="middle">{x:,.0f}</text>'
                    for x, _ in places)
    return (f'<text x="{left + _LEFT}" y="20" font-weight="bold">{title}</text>'
            f'<path d="M{left + _LEFT} {_TOP}V{floor}H{right - 12}" fill="none" stroke="#888"/>'
            f'<polyline points="{line}" fill="none" stroke="#1d5fa8" stroke-width="2"/>{dots}{marks}{doors}'
            f'<text x="{right - 12}" y="{floor + 32}" text-anchor="end">doors</text>')


def _round_up(value: float) -> float:
    step = 1.0
    while step * 10 < value:
        step *= 10
    return next((step * n for n in (1, 2, 4, 5, 8, 10) if step * n >= value), value)


def main() -> int:
    """Wrong use without two paths."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    facts = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(sys.argv[2]).write_text(draw(facts["points"]), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
