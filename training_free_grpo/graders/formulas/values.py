"""Read a formula with latex2sympy, and compare by value, to thousands of digits."""

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any

from training_free_grpo.graders.formulas.truth import Truth, all_of

POINTS = 3
_DECIMAL = re.compile(r"(\d*)\.(\d+)")

_BITS = 60
_MOST_BITS = 8_000
_MOST_BITS_AT_A_POINT = 400
_NOISE_BITS = 30
# Irregular, because different formulas meet at small whole numbers.
_FRACTIONS = ((7, 3), (-11, 7), (17, 13), (-5, 19), (29, 23), (13, 37), (41, 11), (3, 31))
# Formulas about counts, such as (-1)^n, are real at whole numbers only.
_COUNTS = ((3, 1), (8, 1), (5, 1), (12, 1), (7, 1), (10, 1))


def same_value(gold: str, given: str, tolerance: float) -> Truth:
    """Compare two formulas by value, at several points where they have variables."""
    import sympy

    if gold == given:
        return True
    expected, found = formula(gold), formula(given)
    if expected is None or found is None:
        # What has commas is a list, however odd, and no number.
        return False if expected is not None and expected.is_number and "," in given else None
    if any(each.has(sympy.zoo, sympy.nan) for each in (expected, found)):
        return False  # what is undefined equals nothing
    if expected.is_infinite or found.is_infinite:
        return bool(expected == found)
    pairs = list(itertools.islice(values(expected, found), POINTS))
    if expected.free_symbols or found.free_symbols:
        equal = all_of(vanishes(a - b) for a, b in pairs)
        return equal if equal is False or len(pairs) == POINTS else None
    equal = all_of(vanishes(a - b, _MOST_BITS) for a, b in pairs)
    decimal = any(_DECIMAL.fullmatch(text.lstrip("-")) for text in (gold, given))
    near = decimal and any(abs(a - b).evalf() <= tolerance * abs(a).evalf() for a, b in pairs)
    return True if near else equal if pairs else None


@functools.lru_cache(maxsize=256)
def formula(text: str) -> Any:
    """Read a formula as an expression of sympy; None for what it cannot read."""
    import sympy

    found = parsed(text)
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


def parsed(text: str) -> Any:
    """Read LaTeX as an object of sympy, decimals as fractions; None for what it cannot read."""
    from latex2sympy2_extended import latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig

    # As a fraction, because a float would not be exact.
    exact = _DECIMAL.sub(lambda m: rf"\frac{{{m[1]}{m[2]}}}{{1{'0' * len(m[2])}}}", text)
    config = ConversionConfig(lowercase_symbols=False)
    try:
        return latex2sympy(exact, normalization_config=None, conversion_config=config)
    except Exception:  # noqa: BLE001 - it raises whatever it stumbles on
        return None


def numerator(value: Any) -> Any:
    """Return the numerator over the common denominator."""
    import sympy

    return sympy.fraction(sympy.together(value))[0]


def values(*formulas: Any) -> Iterator[tuple[Any, ...]]:
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


def vanishes(value: Any, most_bits: int = _MOST_BITS_AT_A_POINT) -> Truth:
    """Tell whether a value is zero, to as many bits."""
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
