"""The real numbers that an inequality, an interval or a union of them describes."""

import re
from typing import Any

from training_free_grpo.graders.formulas.nodes import Node, read
from training_free_grpo.graders.formulas.truth import Truth
from training_free_grpo.graders.formulas.values import formula

NAME = re.compile(r"(\\?[A-Za-z]+(?:_(?:\w|\{\w+\}))?)(?:\([A-Za-z]\))?")
_BOUNDED = re.compile(rf"(?P<name>{NAME.pattern})|\|{NAME.pattern}\|")
_BRACKETS = {"()", "(]", "[)", "[]"}
_CONSTANT = re.compile(r"\\(?:infty|pi|d?frac|sqrt|cdot|ln|log|mathbb\{R\})(?![A-Za-z])|\be\b")
_SIGNS = {"<", "\\le", "\\ne", "="}
_JOINTS = {"\\cup", "\\land", "\\cap", "\\setminus", "list"}


def as_interval(node: Node) -> Node | None:
    """Write an inequality about a single letter, or its size, as the interval it describes."""
    if node.kind in {*_BRACKETS, "list", "\\cup"}:
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
    if len(texts) != 3:
        return None
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


def same_numbers(gold: Node, given: Node) -> Truth:
    """Compare two descriptions of sets of real numbers; None where one is no such description."""
    import sympy

    pair = gold.kind == given.kind and gold.kind in _BRACKETS
    if pair or not (_describes(gold) and _describes(given)):
        return None
    names = _names(gold) | _names(given)
    regions = [_region(gold), _region(given)] if len(names) < 2 else [None]
    if any(region is None for region in regions):
        return None
    try:
        difference = sympy.SymmetricDifference(*regions).doit()
    except (TypeError, ValueError, NotImplementedError):
        return None
    return {True: True, False: False}.get(difference.is_empty)


def _describes(node: Node) -> bool:
    """Tell a description from a bare list, or a pair in brackets, that may be a point."""
    if node.kind == "leaf":
        return bool(node.parts[0] == "\\mathbb{R}")
    return node.kind != "list" or all(str(part.kind).split()[0] in _SIGNS for part in node.parts)


def _names(node: Node) -> set[str]:
    if node.kind in _JOINTS or " " in node.kind or node.kind in _SIGNS:
        return set().union(*(_names(part) for part in node.parts)) if node.parts else set()
    text = _CONSTANT.sub("", node.parts[0]) if node.kind == "leaf" else ""
    return {node.parts[0]} if re.search(r"[A-Za-z]", text) else set()


def _region(node: Node) -> Any:
    import sympy

    if node.kind == "leaf":
        return sympy.S.Reals if node.parts[0] == "\\mathbb{R}" else None
    if node.kind == "set":
        values = [_number(part) for part in node.parts]
        return None if any(value is None for value in values) else sympy.FiniteSet(*values)
    if node.kind in _JOINTS:
        regions = [_region(part) for part in node.parts]
        known = all(region is not None for region in regions)
        return _together(node.kind, regions) if known else None
    if node.kind in {"=", "\\ne"} and len(node.parts) == 2:
        value = _number(node.parts[1])
        named = node.parts[0].kind == "leaf" and NAME.fullmatch(node.parts[0].parts[0])
        if value is None or not named:
            return None
        point = sympy.FiniteSet(value)
        return point if node.kind == "=" else sympy.Complement(sympy.S.Reals, point)
    interval = as_interval(node)
    if interval is None or interval.kind not in _BRACKETS:
        return _region(interval) if interval and interval != node else None
    ends = [_number(part) for part in interval.parts]
    if any(end is None for end in ends) or len(ends) != 2 or not ends[0] < ends[1]:
        return None
    infinite = [ends[0] == -sympy.oo, ends[1] == sympy.oo]
    if (infinite[0] and interval.kind[0] == "[") or (infinite[1] and interval.kind[1] == "]"):
        return None  # infinity is no number, so that it belongs to no interval
    return sympy.Interval(*ends, interval.kind[0] == "(", interval.kind[1] == ")")


def _together(kind: str, regions: list[Any]) -> Any:
    import sympy

    if kind == "\\setminus":
        first, *others = regions
        return sympy.Complement(first, sympy.Union(*others))
    return (sympy.Intersection if kind in {"\\land", "\\cap"} else sympy.Union)(*regions)


def _number(node: Node) -> Any:
    value = formula(node.parts[0]) if node.kind == "leaf" else None
    real = value is not None and not value.free_symbols and value.is_extended_real
    return value if real else None
