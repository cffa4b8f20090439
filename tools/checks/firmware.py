"""The arrows of the firmware, which import-linter cannot see: who may import what on a MicroPython board.

`core/` is pure, `store/`, `net/` and `door/` stand on core and know no board, boards are imported by `main.py` alone,
and only boards import the machine.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.checks.tree import ROOT

FIRMWARE = ROOT / "firmware"
# What is there without any machine. `micropython` gives const and the code emitters, `uctypes` an address.
PURE = {
    "__future__", "array", "binascii", "gc", "hashlib", "json", "micropython", "struct", "sys", "ubinascii", "uctypes",
}  # fmt: skip
# What tells or touches the world. Files and sockets reach the rest of the companion through a board.
MACHINE = {
    "bluetooth", "dht", "esp", "esp32", "espnow", "ffi", "flashbdev", "machine", "network", "neopixel", "ntptime",
    "onewire", "socket", "tls", "ssl", "usocket", "vfs", "termios", "select",
}  # fmt: skip
_BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}
_SHORT = re.compile(r"_\d+|a\d+")
_OURS = {"companion", "board", "boards"}
# package -> packages of the companion it may import, besides its own.
BELOW = {
    "core": set(),
    "store": {"core"},
    "net": {"core", "store"},
    "door": {"core", "store"},
}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute module) of every import that runs, those inside functions too."""
    package = path.relative_to(FIRMWARE).with_suffix("").parts[:-1]
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield node.lineno, f"{module}.{name.name}"


def running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below but those under `if TYPE_CHECKING:`, which no board ever runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from running(child)


def complaint(package: str, module: str) -> str | None:
    """Why a file of companion's `package` ("" for its top files) may not import `module`, or None."""
    head, *rest = module.split(".")
    if head in {"board", "boards"}:
        return None if package == "main" else "boards are imported by main.py alone"
    if head == "companion":
        target = rest[0] if rest else ""
        if package in BELOW and target in BELOW and target != package and target not in BELOW[package]:
            return f"{package} stands below {target}"
        if package in BELOW and target not in BELOW and target:
            return f"{package} stands below companion/{target}.py"
        return None
    if package == "core" and head not in PURE:
        return f"core is pure: no {head}"
    if head in MACHINE:
        return f"only boards import {head}"
    return None


def heirs(path: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of every class that derives from another firmware module's: compiled, each module's private names
    are numbered from 0 (tools.virtual.lean), so the two would take each other's attributes for their own.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    taken = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in _OURS)
        for name in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                roots = [each.id for each in ast.walk(base) if isinstance(each, ast.Name)]
                if taken.intersection(roots):
                    yield node.lineno, node.name


def hidden(path: Path) -> Iterator[tuple[int, str]]:
    """(line, why) of what tools.virtual.lean, which shortens private names, would not see or would mix up."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "a name in an f-string"
        elif isinstance(node, ast.Nonlocal):
            yield node.lineno, "a nonlocal name"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BY_NAME:
            named = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if any(name.startswith("_") and not name.startswith("__") for name in named):
                yield node.lineno, "a private name in a text"
        elif isinstance(node, ast.Name | ast.arg):
            name = node.id if isinstance(node, ast.Name) else node.arg
            if _SHORT.fullmatch(name):
                yield node.lineno, f"the short name {name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = {each.arg for each in [*node.args.posonlyargs, *node.args.args]}
            for each in ast.walk(node):
                if isinstance(each, ast.ExceptHandler) and each.name in own:
                    yield each.lineno, f"an exception that takes the parameter's name {each.name}"


def faults() -> list[str]:
    """Every forbidden import, every heir of another module's class, every hidden name, as "path:line: why"."""
    found = []
    for path in sorted([*(FIRMWARE / "companion").rglob("*.py"), *(FIRMWARE / "boards").rglob("*.py")]):
        place = path.relative_to(ROOT)
        found += [f"{place}:{line}: {name} derives from a class of another module" for line, name in heirs(path)]
        found += [f"{place}:{line}: {why} is hidden from the compiler's step before" for line, why in hidden(path)]
    for path in sorted((FIRMWARE / "companion").rglob("*.py")):
        parts = path.relative_to(FIRMWARE / "companion").parts
        package = parts[0] if len(parts) > 1 else path.stem.replace("__init__", "")
        for line, module in imports(path):
            why = complaint(package, module)
            if why:
                found.append(f"{path.relative_to(ROOT)}:{line}: {why} (imports {module})")
    return found
