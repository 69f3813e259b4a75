r"""Take a formula apart as text, into lists, brackets, matrices, cases and relations."""

import functools
import operator
import re
from typing import Any, NamedTuple

from training_free_grpo.graders.formulas.values import parsed

_TOKEN = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_SPELLINGS = {
    "\\leq": "\\le",
    "\\geq": "\\ge",
    "\\neq": "\\ne",
    "\\leqslant": "\\le",
    "\\geqslant": "\\ge",
    "\\left": "",
    "\\right": "",
    "\\backslash": "\\setminus",
    "\\wedge": "\\land",
    "\\lor": "\\cup",
    "\\vee": "\\cup",
    "\\bigcup": "\\cup",
    "\\Reals": "\\mathbb{R}",
}
_FLIPPED = {">": "<", "\\ge": "\\le"}
RELATIONS = {"=", "<", "\\le", "\\ne", "\\in", "\\equiv", *_FLIPPED}
_CLOSERS = {")": "(", "]": "[", "}": "{", "\\}": "\\{", "\\rangle": "\\langle"}
_OPENERS = set(_CLOSERS.values())
_MATRIX = re.compile(
    r"\\begin\{([pbB]?(?:small)?matrix|array)\}(?:\{[lcr| ]*\})?((?:(?!\\end).)*)\\end\{\1\}",
    re.DOTALL,
)
_CASES = re.compile(
    r"\\begin\{([dr]?cases|aligned|align\*?|gathered|gather\*?|split)\}((?:(?!\\end).)*)\\end\{\1\}",
    re.DOTALL,
)
_DETERMINANT = re.compile(
    r"\|\s*\\begin\{(matrix|array)\}(?:\{[lcr| ]*\})?((?:(?!\\end).)*)\\end\{\1\}\s*\|", re.DOTALL
)
_TRANSPOSED = re.compile(r"(\([^()]*\))\s*\^\s*\{?\s*(?:T|t|\\top|\\intercal)\s*\}?")
_ROW_END = re.compile(r"\\cr(?![A-Za-z])|\\newline(?![A-Za-z])")
_CONDITION = re.compile(r"^\s*(?:if|for|when|where|\\text\{\s*(?:if|for|when)?\s*\})?\s*|[\s,;.]+$")
_MEMBERS = re.compile(r"[A-Za-z](?:\\in\\mathbb\{R\})?")
_SUCH_THAT = {"\\mid", "|", ":"}


class Node(NamedTuple):
    """A piece of a formula: how its parts are bound together, and the parts."""

    kind: str
    parts: tuple[Any, ...]


def read(text: str) -> Node:
    """Take a formula apart at its outermost commas, relations and brackets."""
    if "\\begin" in text:
        text = _DETERMINANT.sub(r"\\begin{vmatrix}\2\\end{vmatrix}", _ROW_END.sub(r"\\\\", text))
    spelled = (_SPELLINGS.get(token, token) for token in _TOKEN.findall(text.strip()))
    tokens = [token for token in spelled if token]
    for separators, build in _BINDINGS:
        parts, found = _split(tokens, separators)
        if found:
            return build(parts, found)
    if len(tokens) == 1 and tokens[0] in {"\\emptyset", "\\varnothing"}:
        return Node("set", ())
    parts, found = _split(tokens, {":"})
    if len(found) > 1:  # with a single colon, a ratio is a quotient
        return Node(":", tuple(read(rf"\frac{{{part}}}{{{parts[0]}}}") for part in parts[1:]))
    whole = (
        _bracketed(tokens)
        or _matrix(tokens)
        or _transposed(_text(tokens))
        or _cases(tokens)
        or _signed(tokens)
        or _calculated(_text(tokens))
    )
    return whole or Node("leaf", (_text(tokens),))


def _text(tokens: list[str]) -> str:
    return "".join(tokens).strip()


def _split(tokens: list[str], separators: set[str]) -> tuple[list[str], list[str]]:
    parts: list[list[str]] = [[]]
    found = []
    depth = 0
    for token in tokens:
        depth += _depth(token)
        if depth == 0 and token in separators:
            found.append(token)
            parts.append([])
        else:
            parts[-1].append(token)
    return [_text(part) for part in parts], found


def _depth(token: str) -> int:
    opens = token in _OPENERS or token.startswith("\\begin")
    closes = token in _CLOSERS or token.startswith("\\end")
    return opens - closes


def _list(parts: list[str], found: list[str]) -> Node:
    nodes = [read(part) for part in parts if part]
    if ";" in found:
        nodes = [node._replace(kind="()") if node.kind == "list" else node for node in nodes]
    flat = [each for node in nodes for each in (node.parts if node.kind == "list" else (node,))]
    return Node("list", tuple(flat))


def _joined(parts: list[str], found: list[str]) -> Node:
    sets = [rf"\{part[:-1]}\}}" if part[:1] == "{" and part[-1:] == "}" else part for part in parts]
    members = sets if found[0] in {"\\cup", "\\cap", "\\setminus"} else parts
    return Node(found[0], tuple(read(part) for part in members))


def _relation(parts: list[str], found: list[str]) -> Node:
    if found == ["\\in"] and parts[1] not in {"\\mathbb{Z}", "\\mathbb{N}", "\\mathbb{Q}"}:
        return read(parts[1])
    nodes = [read(part) for part in parts]
    if set(found) & _FLIPPED.keys():
        nodes.reverse()
        found = [_FLIPPED.get(token, token) for token in reversed(found)]
    return Node(" ".join(found), tuple(nodes))


_BINDINGS = (
    ({";"}, _list),
    ({","}, _list),
    ({"\\cup"}, _joined),
    ({"\\land"}, _joined),
    ({"\\cap"}, _joined),
    ({"\\setminus"}, _joined),
    (RELATIONS, _relation),
    ({"\\mod"}, _joined),
)


def _bracketed(tokens: list[str]) -> Node | None:
    if len(tokens) < 2 or tokens[0] not in _OPENERS or tokens[-1] not in _CLOSERS:
        return None
    depth = 0
    for place, token in enumerate(tokens):
        depth += _depth(token)
        if depth == 0 and place < len(tokens) - 1:
            return None
    if tokens[0] == "\\{" and (members := _such_that(tokens[1:-1])):
        return members
    inside, found = _split(tokens[1:-1], {",", ";"})
    if tokens[0] == "\\{":
        return Node("set", tuple(read(part) for part in inside if part))
    if not found:
        return read(inside[0])
    if tokens[0] == "[" and set(found) == {",", ";"}:  # a matrix, as MATLAB writes it
        rows, _ = _split(tokens[1:-1], {";"})
        return Node("matrix", tuple(read(row)._replace(kind="row") for row in rows))
    if tokens[0] == "{":
        return _list(inside, found)
    parts = tuple(read(part) for part in inside if part)
    if tokens[0] == "[" and tokens[-1] == "]" and {part.kind for part in parts} == {"[]"}:
        return Node("matrix", tuple(part._replace(kind="row") for part in parts))
    return Node(tokens[0] + tokens[-1], parts)


def _such_that(tokens: list[str]) -> Node | None:
    r"""Read what a set is said to have in it: `\{x \mid x > 2\}`."""
    for place, token in enumerate(tokens):
        if token in _SUCH_THAT:
            members = re.sub(r"\s", "", _text(tokens[:place]))
            return read(_text(tokens[place + 1 :])) if _MEMBERS.fullmatch(members) else None
    return None


def _rows(text: str) -> list[list[str]]:
    return [row.split("&") for row in re.split(r"\\\\", text) if row.strip()]


def _matrix(tokens: list[str]) -> Node | None:
    match = _MATRIX.fullmatch(_text(tokens))
    if not match:
        return None
    rows = _rows(match[2])
    if len(rows) == 1 or all(len(row) == 1 for row in rows):
        upright = "column" if len(rows) > 1 else "flat"
        return Node(upright, tuple(read(entry) for row in rows for entry in row))
    return Node("matrix", tuple(Node("row", tuple(map(read, row))) for row in rows))


def _transposed(text: str) -> Node | None:
    match = _TRANSPOSED.fullmatch(text)
    node = read(match[1]) if match else None
    return node._replace(kind="column") if node and node.kind == "()" else None


def _cases(tokens: list[str]) -> Node | None:
    match = _CASES.fullmatch(_text(tokens))
    if not match:
        return None
    rows = _rows(match[2])
    if all(len(row) == 1 or re.match(r"\s*[=<>]", row[1]) for row in rows):
        return _list([_CONDITION.sub("", "".join(row)) for row in rows], [])
    cleaned = [[_CONDITION.sub("", entry) for entry in row] for row in rows]
    return Node("cases", tuple(Node("row", tuple(map(read, row))) for row in cleaned))


def _calculated(text: str) -> Node | None:
    if "\\begin" not in text:
        return None
    import sympy

    value = _multiplied_out(parsed(text))
    return read(sympy.latex(value)) if isinstance(value, sympy.MatrixBase) else None


def _multiplied_out(value: Any) -> Any:
    import sympy

    parts = list(map(_multiplied_out, getattr(value, "args", ())))
    if isinstance(value, sympy.MatAdd):
        return functools.reduce(operator.add, parts)
    if isinstance(value, sympy.MatMul):
        return functools.reduce(operator.mul, parts)
    if isinstance(value, sympy.Pow | sympy.MatPow) and isinstance(parts[0], sympy.MatrixBase):
        return parts[0] ** parts[1]
    if isinstance(value, sympy.Transpose):
        return parts[0].T
    return sympy.Matrix(value) if isinstance(value, sympy.MatrixBase) else value


def _signed(tokens: list[str]) -> Node | None:
    if "\\pm" not in tokens:
        return None
    signs: tuple[dict[str, str], ...] = ({"\\pm": "+", "\\mp": "-"}, {"\\pm": "-", "\\mp": "+"})
    return _list([_text([sign.get(token, token) for token in tokens]) for sign in signs], [])
