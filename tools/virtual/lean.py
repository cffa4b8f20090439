"""Takes out of a firmware source what no board needs before it is compiled; every line keeps its number.

Blocks under `if TYPE_CHECKING:` are for people and checkers. A module's private whole numbers become MicroPython's
`const`: the compiler then writes the number where the name stands, and the name takes no room on the board. Private
names that stand in one module only become `_0`, `_1` …, the same in every module: MicroPython keeps each different name
of all modules in a table of its heap, whose size doubles (8,992 bytes more at the 1,261st).
"""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
from collections import Counter
from collections.abc import Iterable

_SMALL = 1 << 30  # what MicroPython keeps in a 32-bit word without an object
_ANY_PRIVATE = re.compile(r"\b_[^\W_]\w*", re.ASCII)
_FLAG = "TYPE_CHECKING"
_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
}  # fmt: skip


KEPT = frozenset({"_tables", "_viper", "_levels", "_board"})  # programs of measures, faults and tests look at these


def shared(texts: Iterable[str]) -> frozenset[str]:
    """The private names that more than one of a firmware's sources have, and others that must stay as they are.

    Looked for in words and comments too: asked at each start of a simulated board, it has to be quick.
    """
    found = Counter(name for text in texts for name in set(_ANY_PRIVATE.findall(text)))
    return KEPT | {name for name, modules in found.items() if modules > 1}


def lean(text: str, kept: frozenset[str] | None = None) -> str:
    """The source as it is compiled for a board. kept: private names that stay; None: all of them."""
    text = _without(text)
    return text if kept is None else _renamed(text, kept)


def _private(text: str) -> list[tokenize.TokenInfo]:
    """Every place of a private name: one underscore and more before it, no `__name__`."""
    return [
        token for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.NAME and token.string[0] == "_" and token.string[1:2] not in ("", "_")
    ]  # fmt: skip


def _renamed(text: str, kept: frozenset[str]) -> str:
    """The source with short private names."""
    lines = text.splitlines(keepends=True)
    places = _private(text)
    ours = dict.fromkeys(each.string for each in places if each.string not in kept)
    names = {name: f"_{n}" for n, name in enumerate(ours)}
    for each in reversed(places):
        if each.string in names:
            row, (first, last) = each.start[0] - 1, (each.start[1], each.end[1])
            lines[row] = lines[row][:first] + names[each.string] + lines[row][last:]
    return "".join(lines)


def _without(text: str) -> str:
    """The source without what is for checkers, and with numbers as `const`."""
    lines = text.encode().splitlines(keepends=True)  # the parser counts columns in bytes
    tree = ast.parse(text)
    known: dict[str, int] = {}
    assigned = _assignments(tree)
    for node in tree.body:
        if _is_for_checkers(node):
            for n in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[n] = b"\n"
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and len(node.targets) == 1:
            name = node.targets[0].id
            value = _number(node.value, known)
            if name.startswith("_") and value is not None and assigned[name] == 1:
                known[name] = value
                _wrap(lines, node.value)
    return b"".join(lines).decode()


def _is_for_checkers(node: ast.stmt) -> bool:
    """Whether this is the flag's definition, or the block under it."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == _FLAG and not node.orelse
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == _FLAG


def _assignments(tree: ast.Module) -> dict[str, int]:
    """How often each name is given a value anywhere in the module."""
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = found.get(node.id, 0) + 1
        elif isinstance(node, ast.Global):
            for name in node.names:
                found[name] = found.get(name, 0) + 2
    return found


def _number(node: ast.expr, known: dict[str, int]) -> int | None:
    """What a constant expression is worth, None if it is none, or no small number."""
    value: int | None = None
    if isinstance(node, ast.Constant):
        value = node.value if type(node.value) is int else None
    elif isinstance(node, ast.Name):
        value = known.get(node.id)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand, known)
        value = None if inner is None else -inner
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _number(node.left, known), _number(node.right, known)
        if left is not None and right is not None:
            value = _BINARY[type(node.op)](left, right)
    return value if value is not None and -_SMALL <= value < _SMALL else None


def _wrap(lines: list[bytes], node: ast.expr) -> None:
    """Put `const()` round an expression, which may go over several lines."""
    last = (node.end_lineno or node.lineno) - 1
    end = node.end_col_offset or 0
    lines[last] = lines[last][:end] + b")" + lines[last][end:]
    first = node.lineno - 1
    lines[first] = lines[first][: node.col_offset] + b"const(" + lines[first][node.col_offset :]
