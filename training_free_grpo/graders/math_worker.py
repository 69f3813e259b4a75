r"""Compare formulas by value, in a sandbox: reading one may run code, and may never end.

A formula is first taken apart as text, into lists, brackets, matrices and relations. What is left
is read by latex2sympy and compared by value: the difference must vanish to thousands of digits, at
several points where there are variables. A relation equals another up to a factor.

`symbolic` carries this file there. It imports nothing of this package.
"""

import functools
import itertools
import operator
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_MOST_PARTS = 60

_TOKEN = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_SPELLINGS = {"\\leq": "\\le", "\\geq": "\\ge", "\\neq": "\\ne", "\\left": "", "\\right": ""}
_FLIPPED = {">": "<", "\\ge": "\\le"}
_RELATIONS = {"=", "<", "\\le", "\\ne", "\\in", *_FLIPPED}
_CLOSERS = {")": "(", "]": "[", "}": "{", "\\}": "\\{", "\\rangle": "\\langle"}
_OPENERS = set(_CLOSERS.values())
_MATRIX = re.compile(
    r"\\begin\{(\w*matrix|array)\}(?:\{[lcr| ]*\})?((?:(?!\\end).)*)\\end\{\1\}", re.DOTALL
)
_NAME = re.compile(r"(\\?[A-Za-z]+(?:_(?:\w|\{\w+\}))?)(?:\([A-Za-z]\))?")
_BOUNDED = re.compile(rf"(?P<name>{_NAME.pattern})|\|{_NAME.pattern}\|")
_DECIMAL = re.compile(r"(\d*)\.(\d+)")

_BITS = 60
_MOST_BITS = 8_000
_MOST_BITS_AT_A_POINT = 400
_NOISE_BITS = 30
_POINTS = 3
# Irregular, because different formulas meet at small whole numbers.
_FRACTIONS = ((7, 3), (-11, 7), (17, 13), (-5, 19), (29, 23), (13, 37), (41, 11), (3, 31))
# Formulas about counts, such as (-1)^n, are real at whole numbers only.
_COUNTS = ((3, 1), (8, 1), (5, 1), (12, 1), (7, 1), (10, 1))

Truth = bool | None


class Node(NamedTuple):
    """A piece of a formula: how its parts are bound together, and the parts."""

    kind: str
    parts: tuple[Any, ...]


def compare(golds: list[str], answer: str, tolerance: float = 0.0) -> Truth:
    """Tell whether an answer equals one of the expected formulas; None where that stays open.

    A decimal may miss an exact value by the relative tolerance.
    """
    given = read(answer)
    return _any(_same(read(gold), given, tolerance) for gold in golds)


def read(text: str) -> Node:
    """Take a formula apart at its outermost commas, relations and brackets."""
    spelled = (_SPELLINGS.get(token, token) for token in _TOKEN.findall(text.strip()))
    tokens = [token for token in spelled if token]
    for separators, build in (
        ({";"}, _list),
        ({","}, _list),
        ({"\\cup"}, _list),
        (_RELATIONS, _relation),
    ):
        parts, found = _split(tokens, separators)
        if found:
            return build(parts, found)
    if len(tokens) == 1 and tokens[0] in {"\\emptyset", "\\varnothing"}:
        return Node("\\{\\}", ())
    parts, found = _split(tokens, {":"})
    if len(found) > 1:  # with a single colon, a ratio is a quotient
        return Node(":", tuple(read(rf"\frac{{{part}}}{{{parts[0]}}}") for part in parts[1:]))
    whole = _bracketed(tokens) or _matrix(tokens) or _signed(tokens) or _calculated(_text(tokens))
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


def _relation(parts: list[str], found: list[str]) -> Node:
    if found == ["\\in"]:
        return read(parts[1])
    nodes = [read(part) for part in parts]
    if set(found) & _FLIPPED.keys():
        nodes.reverse()
        found = [_FLIPPED.get(token, token) for token in reversed(found)]
    return Node(" ".join(found), tuple(nodes))


def _bracketed(tokens: list[str]) -> Node | None:
    if len(tokens) < 2 or tokens[0] not in _OPENERS or tokens[-1] not in _CLOSERS:
        return None
    depth = 0
    for place, token in enumerate(tokens):
        depth += _depth(token)
        if depth == 0 and place < len(tokens) - 1:
            return None
    inside, found = _split(tokens[1:-1], {",", ";"})
    if not found:
        return read(inside[0])
    if tokens[0] == "{":
        return _list(inside, found)
    return Node(tokens[0] + tokens[-1], tuple(read(part) for part in inside if part))


def _matrix(tokens: list[str]) -> Node | None:
    match = _MATRIX.fullmatch(_text(tokens))
    if not match:
        return None
    rows = [row.split("&") for row in re.split(r"\\\\", match[2]) if row.strip()]
    if len(rows) == 1 or all(len(row) == 1 for row in rows):
        return Node("vector", tuple(read(entry) for row in rows for entry in row))
    return Node("matrix", tuple(Node("row", tuple(map(read, row))) for row in rows))


def _calculated(text: str) -> Node | None:
    if "\\begin" not in text:
        return None
    import sympy

    value = _multiplied_out(_parsed(text))
    return read(sympy.latex(value)) if isinstance(value, sympy.MatrixBase) else None


def _multiplied_out(value: Any) -> Any:
    import sympy

    parts = map(_multiplied_out, getattr(value, "args", ()))
    if isinstance(value, sympy.MatAdd):
        return functools.reduce(operator.add, parts)
    if isinstance(value, sympy.MatMul):
        return functools.reduce(operator.mul, parts)
    return sympy.Matrix(value) if isinstance(value, sympy.MatrixBase) else value


def _signed(tokens: list[str]) -> Node | None:
    if "\\pm" not in tokens:
        return None
    signs: tuple[dict[str, str], ...] = ({"\\pm": "+", "\\mp": "-"}, {"\\pm": "-", "\\mp": "+"})
    return _list([_text([sign.get(token, token) for token in tokens]) for sign in signs], [])


def _same(gold: Node, given: Node, tolerance: float) -> Truth:
    kinds = {gold.kind, given.kind}
    if max(len(gold.parts), len(given.parts)) > _MOST_PARTS:
        return None
    (name, value), (gold_name, gold_value) = _named(given), _named(gold)
    if name == gold_name != "" or (name != gold_name and kinds != {"="}):
        return _same(gold_value, value, tolerance)
    if kinds == {"leaf"}:
        return _same_value(gold.parts[0], given.parts[0], tolerance)
    if kinds == {"list"} or kinds <= {"list", "\\{\\}"}:
        return _same_set(gold.parts, given.parts, tolerance)
    if gold.kind == given.kind:
        return _any([_in_order(gold, given, tolerance), _same_relation(gold, given)])
    gold_range, given_range = _range(gold), _range(given)
    if gold_range and given_range and (gold_range, given_range) != (gold, given):
        return _same(gold_range, given_range, tolerance)
    # An open list is anything in brackets, in its order; a vector is a tuple.
    if "leaf" not in kinds and ("list" in kinds or kinds <= {"()", "\\langle\\rangle", "vector"}):
        return _in_order(gold, given, tolerance)
    return False


def _in_order(gold: Node, given: Node, tolerance: float) -> Truth:
    if len(gold.parts) != len(given.parts):
        return False
    return _all(_same(*pair, tolerance) for pair in zip(gold.parts, given.parts, strict=True))


def _same_set(golds: tuple[Node, ...], givens: tuple[Node, ...], tolerance: float) -> Truth:
    if not golds or not givens:
        return not golds and not givens
    rows = [[_same(gold, given, tolerance) for given in givens] for gold in golds]
    return _all(_any(line) for line in (*rows, *zip(*rows, strict=True)))


def _named(node: Node) -> tuple[str, Node]:
    """Part `f(x) = 3` into f and 3."""
    if node.kind != "=" or node.parts[0].kind != "leaf":
        return "", node
    name = _NAME.fullmatch(node.parts[0].parts[0])
    return (name[1], node.parts[1]) if name else ("", node)


def _range(node: Node) -> Node | None:
    """Write an inequality about a single letter, or its size, as the interval it describes."""
    if node.kind in {"()", "(]", "[)", "[]", "list"}:
        return node
    if node == Node("leaf", ("\\mathbb{R}",)):
        return read("(-\\infty,\\infty)")
    signs = node.kind.split()
    if not set(signs) <= {"<", "\\le"} or any(part.kind != "leaf" for part in node.parts):
        return None
    texts = [part.parts[0] for part in node.parts]
    if len(signs) == 1 and _BOUNDED.fullmatch(texts[0]):
        signs, texts = ["<", *signs], ["-\\infty", *texts]
    elif len(signs) == 1:
        signs, texts = [*signs, "<"], [*texts, "\\infty"]
    low, middle, high = texts
    bounded = _BOUNDED.fullmatch(middle)
    left, right = signs[0] == "\\le", signs[1] == "\\le"
    above = f"{'(['[left]}{low},{high}{')]'[right]}"
    if bounded is None or bounded["name"]:
        return read(above) if bounded else None
    if low == "-\\infty":
        return read(f"{'(['[right]}-({high}),{high}{')]'[right]}")
    below = "-\\infty" if high == "\\infty" else f"-({high})"
    return read(f"{'(['[right]}{below},-({low}){')]'[left]}\\cup{above}")


def _same_relation(gold: Node, given: Node) -> Truth:
    sides = [_formula(part.parts[0]) for part in gold.parts + given.parts if part.kind == "leaf"]
    if gold.kind not in _RELATIONS or len(sides) < 4:
        return False
    if None in sides:
        return None
    left, right = sides[0] - sides[1], sides[2] - sides[3]
    if gold.kind in {"=", "\\ne"}:
        # Only here a denominator may be cleared: an inequality turns where it is negative.
        left, right = _numerator(left), _numerator(right)
    pairs = [pair for pair in _values(left, right) if not any(map(_vanishes, pair))]
    if len(pairs) < _POINTS:
        return None
    (a, b), *others = pairs
    if gold.kind in {"<", "\\le"} and a * b < 0:
        return False
    proportional = _all(_vanishes(a * d - b * c) for c, d in others)
    certain = left.is_polynomial() and right.is_polynomial()
    return proportional or (False if certain else None)


def _same_value(gold: str, given: str, tolerance: float) -> Truth:
    if gold == given:
        return True
    expected, found = _formula(gold), _formula(given)
    if expected is None or found is None:
        # What has commas is a list, however odd, and no number.
        return False if expected is not None and expected.is_number and "," in given else None
    if expected.is_infinite or found.is_infinite:
        return bool(expected == found)
    pairs = list(itertools.islice(_values(expected, found), _POINTS))
    if expected.free_symbols or found.free_symbols:
        equal = _all(_vanishes(a - b) for a, b in pairs)
        return equal if equal is False or len(pairs) == _POINTS else None
    equal = _all(_vanishes(a - b, _MOST_BITS) for a, b in pairs)
    decimal = any(_DECIMAL.fullmatch(text.lstrip("-")) for text in (gold, given))
    near = decimal and any(abs(a - b).evalf() <= tolerance * abs(a).evalf() for a, b in pairs)
    return True if near else equal if pairs else None


@functools.lru_cache(maxsize=256)
def _formula(text: str) -> Any:
    """Read a formula as an expression of sympy; None for what it cannot read."""
    import sympy

    found = _parsed(text)
    if not isinstance(found, sympy.Expr):
        return None
    if found.has(sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit):
        found = found.doit()
    calls = found.atoms(sympy.core.function.AppliedUndef)
    found = found.xreplace({call: sympy.Symbol(str(call)) for call in calls})
    found = found.replace(sympy.UnevaluatedExpr, lambda inside: inside)
    found = found.replace(_is_odd_root, lambda root: -sympy.Pow(-root.base, root.exp))
    names = {symbol: symbol.name.lower() for symbol in found.free_symbols}
    if len(set(names.values())) < len(names):  # X and x are one, unless both occur
        names = {symbol: symbol.name for symbol in names}
    known = {"i": sympy.I}
    return found.xreplace({s: known.get(name, sympy.Symbol(name)) for s, name in names.items()})


def _is_odd_root(value: Any) -> bool:
    # Real, as in school: the cube root of -8 is -2.
    root = value.is_Pow and value.base.is_number and value.exp.is_Rational
    return bool(root and value.exp.p % 2 and value.exp.q % 2 and value.base.is_negative)


def _parsed(text: str) -> Any:
    from latex2sympy2_extended import latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig

    # As a fraction, because a float would not be exact.
    exact = _DECIMAL.sub(lambda m: rf"\frac{{{m[1]}{m[2]}}}{{1{'0' * len(m[2])}}}", text)
    config = ConversionConfig(lowercase_symbols=False)
    try:
        return latex2sympy(exact, normalization_config=None, conversion_config=config)
    except Exception:  # noqa: BLE001 - it raises whatever it stumbles on
        return None


def _numerator(value: Any) -> Any:
    import sympy

    return sympy.fraction(sympy.together(value))[0]


def _values(*formulas: Any) -> Iterator[tuple[Any, ...]]:
    """Put numbers for the variables, wherever all formulas then have a value."""
    import sympy

    symbols = sorted(set().union(*(each.free_symbols for each in formulas)), key=str)
    complex_too = not symbols or any(each.has(sympy.I) for each in formulas)
    positive = tuple((abs(p), q) for p, q in _FRACTIONS)
    for numbers in (_FRACTIONS, positive, _COUNTS):
        for shift in range(len(numbers) if symbols else 1):
            point = {
                symbol: sympy.Rational(*numbers[(shift + place) % len(numbers)])
                + place // len(numbers)
                for place, symbol in enumerate(symbols)
            }
            values = tuple(each.xreplace(point) for each in formulas)
            if all(_is_number(value, complex_too) for value in values):
                yield values
        if not symbols:
            return


def _is_number(value: Any, complex_too: bool) -> bool:
    parts = _evaluated(value)
    return parts is not None and (complex_too or not _is_certain(parts[1], parts[3]))


def _vanishes(value: Any, most_bits: int = _MOST_BITS_AT_A_POINT) -> Truth:
    parts = _evaluated(value, most_bits)
    if parts is None:
        return None
    real, imaginary, *accuracies = parts
    for part, accuracy in zip((real, imaginary), accuracies, strict=True):
        if _is_certain(part, accuracy):
            return False
        if part is not None and part[2] + part[3] > 0:
            return None  # of huge numbers, even the noise is large
    return True


def _is_certain(part: Any, accuracy: Any) -> bool:
    return part is not None and accuracy >= _NOISE_BITS


def _evaluated(value: Any, most_bits: int = _MOST_BITS_AT_A_POINT) -> Any:
    import sympy
    from sympy.core.evalf import evalf

    if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        return None
    try:
        parts = evalf(value, _BITS, {"maxprec": most_bits})
    except Exception:  # noqa: BLE001 - it raises whatever it stumbles on
        return None
    return parts if parts[0] is not sympy.zoo else None


def _any(truths: Iterable[Truth]) -> Truth:
    unsure = False
    for truth in truths:
        if truth:
            return True
        unsure = unsure or truth is None
    return None if unsure else False


def _all(truths: Iterable[Truth]) -> Truth:
    opposite = _any(None if truth is None else not truth for truth in truths)
    return None if opposite is None else not opposite
