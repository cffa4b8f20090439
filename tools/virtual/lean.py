"""Takes out of a firmware source what no board needs before it is compiled; every line keeps its number.

Blocks under `if TYPE_CHECKING:` are for people and checkers. A module's private whole numbers become MicroPython's
`const`: the compiler then writes the number where the name stands, and the name takes no room on the board.
"""

from __future__ import annotations

import ast
import operator

_SMALL = 1 << 30  # what MicroPython keeps in a 32-bit word without an object
_FLAG = "TYPE_CHECKING"
_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
}  # fmt: skip


def lean(text: str) -> str:
    """The source as it is compiled for a board."""
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
