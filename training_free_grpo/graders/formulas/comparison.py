"""Whether two formulas say the same, part by part."""

import re

from training_free_grpo.graders.formulas.nodes import RELATIONS, Node, read
from training_free_grpo.graders.formulas.ranges import as_interval, same_numbers
from training_free_grpo.graders.formulas.truth import Truth, all_of, any_of
from training_free_grpo.graders.formulas.values import (
    POINTS,
    formula,
    numerator,
    same_value,
    values,
    vanishes,
)

_MOST_PARTS = 60
_NAME = re.compile(r"(\\?[A-Za-z]+'*(?:_(?:\w|\{\w+\}))?)(?:\(([^()]*)\))?")
_VARIABLE = re.compile(r"\\?[A-Za-z]+")
_VARIABLES = set("kmnrstuvwxyz")
_TUPLES = {"()", "\\langle\\rangle", "column", "flat"}
_LISTED = {"list", "set", "\\cup"}


def compare(golds: list[str], answer: str, tolerance: float = 0.0) -> Truth:
    """Tell whether an answer equals one of the expected formulas; None where that stays open.

    A decimal may miss an exact value by the relative tolerance.
    """
    given = read(answer)
    return any_of(_same(read(gold), given, tolerance) for gold in golds)


def _same(gold: Node, given: Node, tolerance: float) -> Truth:
    if max(len(gold.parts), len(given.parts)) > _MOST_PARTS:
        return None
    same = _same_form(gold, given, tolerance)
    if same or gold.kind == given.kind == "leaf":
        return same
    return True if same_numbers(gold, given) else same


def _same_form(gold: Node, given: Node, tolerance: float) -> Truth:
    kinds = {gold.kind, given.kind}
    (name, value), (gold_name, gold_value) = _named(given), _named(gold)
    if name and gold_name and name != gold_name and _applied(name) == _applied(gold_name) != "":
        return _same_function(gold, given, tolerance)
    if name and gold_name and name != gold_name and "(" in name + gold_name:
        return False
    if name == gold_name != "" or (name != gold_name and kinds != {"="}):
        return _same(gold_value, value, tolerance)
    if kinds == {"leaf"}:
        return same_value(gold.parts[0], given.parts[0], tolerance)
    if len(kinds) > 1 and "set" in kinds and kinds.isdisjoint({"list", "\\cup"}):
        gold, given = _only_member(gold), _only_member(given)
        if {gold.kind, given.kind} != kinds:
            return _same(gold, given, tolerance)
    if kinds <= _LISTED:
        return _same_list(gold, given, tolerance)
    if gold.kind == given.kind:
        if gold.kind == "\\mod":
            return _congruent(gold, given)
        if gold.kind == "cases":
            return _same_set(gold.parts, given.parts, tolerance)
        return any_of([_in_order(gold, given, tolerance), _same_relation(gold, given)])
    gold_range, given_range = as_interval(gold), as_interval(given)
    if gold_range and given_range and (gold_range, given_range) != (gold, given):
        return _same(gold_range, given_range, tolerance)
    # An open list is anything in brackets, in its order, but no interval; a vector is a tuple.
    if kinds == {"column", "flat"} and len(gold.parts) > 1:
        return False
    if kinds <= {"list", "[]", *_TUPLES} and ("list" in kinds or kinds <= _TUPLES):
        return _in_order(gold, given, tolerance)
    if kinds <= {"list", "row", "matrix", *_TUPLES} and "matrix" in kinds:
        return _in_order(gold, given, tolerance)
    if kinds & {"\\mod", "\\equiv"}:
        return None
    return False


def _only_member(node: Node) -> Node:
    one: Node = node.parts[0] if node.kind == "set" and len(node.parts) == 1 else node
    return one


def _in_order(gold: Node, given: Node, tolerance: float) -> Truth:
    if len(gold.parts) != len(given.parts):
        return False
    return all_of(_same(*pair, tolerance) for pair in zip(gold.parts, given.parts, strict=True))


def _same_list(gold: Node, given: Node, tolerance: float) -> Truth:
    """Compare without order; how often a value occurs counts in a list, but not in a set."""
    same = _same_set(gold.parts, given.parts, tolerance)
    if not same or len(gold.parts) == len(given.parts) == 1:
        return same
    if gold.kind == given.kind == "list":
        counts = [
            [_count(part, node.parts, tolerance) for node in (gold, given)]
            for part in gold.parts
            if part.kind == "leaf"  # a number may occur twice, a point is one solution
        ]
        return all_of(None if None in pair else pair[0] == pair[1] for pair in counts)
    repeated = len(gold.parts) != len(given.parts) and gold.kind != given.kind
    return None if repeated else same


def _count(part: Node, among: tuple[Node, ...], tolerance: float) -> int | None:
    truths = [_same(part, each, tolerance) for each in among]
    return None if None in truths else truths.count(True)


def _same_set(golds: tuple[Node, ...], givens: tuple[Node, ...], tolerance: float) -> Truth:
    if not golds or not givens:
        return not golds and not givens
    rows = [[_same(gold, given, tolerance) for given in givens] for gold in golds]
    return all_of(any_of(line) for line in (*rows, *zip(*rows, strict=True)))


def _named(node: Node) -> tuple[str, Node]:
    """Part `f(x) = 3` into f(x) and 3."""
    equation = node.kind == "=" or (node.kind == "\\equiv" and node.parts[1].kind == "\\mod")
    if not equation or len(node.parts) != 2 or node.parts[0].kind != "leaf":
        return "", node
    name = _NAME.fullmatch(node.parts[0].parts[0])
    return (re.sub(r"\s", "", name.group()), node.parts[1]) if name else ("", node)


def _applied(name: str) -> str:
    """Return the function in `f(x)`; nothing for what is not applied to a variable."""
    match = _NAME.fullmatch(name)
    return match[1] if match and match[2] and _VARIABLE.fullmatch(match[2]) else ""


def _same_function(gold: Node, given: Node, tolerance: float) -> Truth:
    """Compare `f(x) = x^2` with `f(t) = t^2`: a variable may have any name."""
    (gold_name, gold_value), (name, value) = _named(gold), _named(given)
    wanted, written = (each.partition("(")[2][:-1] for each in (gold_name, name))
    mentioned = _mentions(gold_value, wanted) and _mentions(value, written)
    if not mentioned and not {wanted, written} <= _VARIABLES:
        return False  # P(A) = 0.2 is not P(B) = 0.2
    return _same(gold_value, _renamed(value, written, wanted), tolerance)


def _mentions(node: Node, variable: str) -> bool:
    if node.kind == "leaf":
        return variable in node.parts[0]
    return any(_mentions(part, variable) for part in node.parts)


def _renamed(node: Node, old: str, new: str) -> Node:
    if node.kind == "leaf":
        pattern = rf"(?<![\\A-Za-z]){re.escape(old)}(?![A-Za-z])"
        return Node("leaf", (re.sub(pattern, lambda _: f"{new} ", node.parts[0]),))
    return Node(node.kind, tuple(_renamed(part, old, new) for part in node.parts))


def _congruent(gold: Node, given: Node) -> Truth:
    """Compare residues: 10 is 3 modulo 7."""
    if len(gold.parts) != 2 or len(given.parts) != 2:
        return None
    (residue, modulus), (other, other_modulus) = gold.parts, given.parts
    same_modulus = _same(modulus, other_modulus, 0.0)
    if not same_modulus:
        return same_modulus
    numbers = [
        formula(part.parts[0]) if part.kind == "leaf" else None
        for part in (residue, other, modulus)
    ]
    known = [int(number) for number in numbers if number is not None and number.is_Integer]
    if len(known) < 3:
        return _same(residue, other, 0.0) or None
    one, two, by = known
    return bool(by) and (one - two) % by == 0


def _same_relation(gold: Node, given: Node) -> Truth:
    sides = [formula(part.parts[0]) for part in gold.parts + given.parts if part.kind == "leaf"]
    if gold.kind not in RELATIONS or len(sides) < 4:
        return False
    if None in sides:
        return None
    left, right = sides[0] - sides[1], sides[2] - sides[3]
    if gold.kind in {"=", "\\ne"}:
        # Only here a denominator may be cleared: an inequality turns where it is negative.
        left, right = numerator(left), numerator(right)
    pairs = [pair for pair in values(left, right) if not any(map(vanishes, pair))]
    if len(pairs) < POINTS:
        return None
    (a, b), *others = pairs
    if gold.kind in {"<", "\\le"} and a * b < 0:
        return False
    proportional = all_of(vanishes(a * d - b * c) for c, d in others)
    certain = left.is_polynomial() and right.is_polynomial()
    return proportional or (False if certain else None)
