"""Takes out of a firmware source what no board needs before it is compiled; every line keeps its number.

Blocks under `if TYPE_CHECKING:` are for people and checkers. A module's whole numbers become MicroPython's `const`, and
stand as numbers where other modules import them: such a name takes no room on the board. Private names become `_0`,
`_1` … in every module, and parameters that nobody names in a call `a0`, `a1` … in every function: MicroPython keeps
each different name of all modules in tables of its heap, whose size doubles (4,480 bytes more at the 631st).
"""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_SMALL = 1 << 30  # what MicroPython keeps in a 32-bit word without an object
_FLAG = "TYPE_CHECKING"
_CONSTANT = re.compile(r"^(_?[A-Z][A-Z0-9_]*) = (.+)$", re.MULTILINE)
_MEMBER = re.compile(r"(\w+)\.([A-Z][A-Z0-9_]*)\b")
_IMPORTED = re.compile(r"\bimport (\w+)|\bas (\w+)")
_NAMED = re.compile(r"\b(\w+)=(?!=)")
_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
}  # fmt: skip

# private names that programs of measures, faults and tests look at
KEPT = frozenset({"_tables", "_viper", "_levels", "_board"})

_Place = tuple[int, int, int, str]  # row (from 0), first and last column in bytes, what comes there


@dataclass(frozen=True)
class Common:
    """What the sources of one firmware know of each other."""

    numbers: Mapping[str, Mapping[str, int]]  # public constants by module (`companion.core.names`) and name
    asked: frozenset[str]  # of those names, the ones that are asked of an object somewhere, and have to stay
    named: frozenset[str]  # words that name a parameter in a call, or seem to


def common(texts: Mapping[str, str]) -> Common:
    """What a firmware's sources, by their module, know of each other.

    Looked for in words and comments too: asked at each start of a simulated board, it has to be quick.
    """
    numbers = {module: found for module, text in texts.items() if (found := _public_numbers(text))}
    asked: set[str] = set()
    named: set[str] = set()
    for text in texts.values():
        imported = {one or other for one, other in _IMPORTED.findall(text)}
        asked |= {name for of, name in _MEMBER.findall(text) if of not in imported}
        named |= set(_NAMED.findall(text))
    return Common(numbers, frozenset(asked), frozenset(named))


def _public_numbers(text: str) -> dict[str, int]:
    """A module's constants that are small whole numbers, given once."""
    found = _CONSTANT.findall(text)
    times = Counter(name for name, _ in found)
    known: dict[str, int] = {}
    for name, expression in found:
        try:
            value = _number(ast.parse(expression, mode="eval").body, known)
        except SyntaxError:
            continue  # it goes over several lines
        if value is not None and times[name] == 1:
            known[name] = value
    return {name: value for name, value in known.items() if name[0] != "_"}


def lean(text: str, known: Common | None = None) -> str:
    """The source as it is compiled for a board. known: what its firmware has in common; None: all names stay."""
    if known is None:
        return _without(text, frozenset())
    hidden = _public_numbers(text).keys() - known.asked
    return _with_short_names(_without(_with_numbers(text, known), hidden), known)


def _put(text: str, places: list[_Place]) -> str:
    """The text with other words at some places."""
    lines = text.encode().splitlines(keepends=True)  # the parser counts columns in bytes
    for row, first, last, word in sorted(places, reverse=True):
        lines[row] = lines[row][:first] + word.encode() + lines[row][last:]
    return b"".join(lines).decode()


def _place(node: ast.expr | ast.arg, word: str) -> _Place:
    """A node of one line, and what comes in its place."""
    return node.lineno - 1, node.col_offset, node.end_col_offset or 0, word


# numbers of other modules


def _with_numbers(text: str, known: Common) -> str:
    """The source with numbers where it names other modules' constants, and without those in its imports."""
    tree = ast.parse(text)
    numbers: dict[str, int] = {}
    modules: dict[str, Mapping[str, int]] = {}
    places: list[_Place] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            theirs = known.numbers.get(node.module, {})
            gone = {alias.name for alias in node.names if alias.name in theirs and not alias.asname}
            numbers |= {name: theirs[name] for name in gone}
            modules |= {
                alias.asname or alias.name: known.numbers[f"{node.module}.{alias.name}"]
                for alias in node.names if f"{node.module}.{alias.name}" in known.numbers
            }  # fmt: skip
            if gone:
                places += _shorter_import(node, gone, text)
    for each in ast.walk(tree):
        if isinstance(each, ast.Name) and each.id in numbers and isinstance(each.ctx, ast.Load):
            places.append(_place(each, str(numbers[each.id])))
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            theirs = modules.get(each.value.id, {})
            if each.attr in theirs:
                places.append(_place(each, str(theirs[each.attr])))
    return _put(text, places)


def _shorter_import(node: ast.ImportFrom, gone: set[str], text: str) -> Iterator[_Place]:
    """An import without some of its names, on its first line."""
    rest = [alias.name + (f" as {alias.asname}" if alias.asname else "")
            for alias in node.names if alias.name not in gone]  # fmt: skip
    lines = text.encode().splitlines()
    last = (node.end_lineno or node.lineno) - 1
    for row in range(node.lineno - 1, last + 1):
        first = row == node.lineno - 1
        word = (f"from {node.module} import {', '.join(rest)}" if rest else "pass") if first else ""
        yield row, node.col_offset if first else 0, (node.end_col_offset or 0) if row == last else len(lines[row]), word


# what a module has for itself


def _without(text: str, hidden: AbstractSet[str]) -> str:
    """The source without what is for checkers, and with numbers as `const`: private ones, and `hidden` ones as such."""
    lines = text.encode().splitlines(keepends=True)
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
            if (name[0] == "_" or name in hidden) and value is not None and assigned[name] == 1:
                known[name] = value
                _wrap(lines, node.value)
    text = b"".join(lines).decode()
    ours = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Name) and each.id in hidden]
    return _put(text, [_place(each, "_" + each.id) for each in ours])


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


def _number(node: ast.expr, known: Mapping[str, int]) -> int | None:
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


# short names


def _with_short_names(text: str, known: Common) -> str:
    """The source with short names for what is private, and for parameters."""
    text = _put(text, [place for node in ast.parse(text).body for place in _parameters(node, known)])
    lines = text.splitlines(keepends=True)
    places = _private(text)
    names = {name: f"_{n}" for n, name in enumerate(dict.fromkeys(each.string for each in places))}
    for each in reversed(places):
        row, (first, last) = each.start[0] - 1, (each.start[1], each.end[1])
        lines[row] = lines[row][:first] + names[each.string] + lines[row][last:]
    return "".join(lines)


def _private(text: str) -> list[tokenize.TokenInfo]:
    """Every place of a private name: one underscore and more before it, no `__name__`."""
    return [
        token for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.NAME and token.string[0] == "_" and token.string[1:2] not in ("", "_")
        and token.string not in KEPT
    ]  # fmt: skip


def _parameters(node: ast.stmt, known: Common) -> list[_Place]:
    """Where the parameters of a function, or of each method of a class, stand that nobody names."""
    if isinstance(node, ast.ClassDef):
        return [place for each in node.body for place in _parameters(each, known)]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    inside = [each for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    ours = dict.fromkeys(each.arg for one in inside for each in [*one.args.posonlyargs, *one.args.args])
    stay = known.named | {each.arg for one in inside for each in one.args.kwonlyargs}
    for outside in node.args.defaults:  # what stands there is not a parameter, whatever its name
        stay |= {each.id for each in ast.walk(outside) if isinstance(each, ast.Name)}
    names = {name: f"a{n}" for n, name in enumerate(ours) if name not in stay and name[0] != "_" and name != "self"}
    places = []
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in names:
            places.append(_place(each, names[each.id]))
        elif isinstance(each, ast.arg) and each.arg in names:
            end = each.col_offset + len(each.arg.encode())
            places.append((each.lineno - 1, each.col_offset, end, names[each.arg]))
    return places
