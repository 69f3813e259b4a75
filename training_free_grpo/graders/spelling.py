"""Letters that spell something: `Amy` is not `May`, `CO2` is not `OC2`, but `xy` is `yx`."""

import re

_LETTERS = re.compile(r"[A-Za-z]{2,3}")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:_?\{?\d+\}?)?){2,}[+-]?")
_PRODUCT = re.compile(r"[b-df-hj-np-tv-z]+")
_MARKS = re.compile(r"[_{}\s]")


def is_spelled(text: str) -> bool:
    """Return whether letters spell a word or a chemical formula, not a product of variables."""
    if _LETTERS.fullmatch(text):
        return not _PRODUCT.fullmatch(text)
    return any(sign.isdigit() for sign in text) and bool(_FORMULA.fullmatch(text))


def same_spelling(one: str, other: str) -> bool | None:
    """Compare what two answers spell; None if the letters may be a product after all."""
    if one == other:
        return True
    letters = sorted(one.casefold()) == sorted(other.casefold())
    if one.islower() and other.islower() and len(one) == 2 and letters:
        return None if "a" in one else False  # `ab` and `ba`, but not `on` and `no`
    one, other = _MARKS.sub("", one), _MARKS.sub("", other)
    if any(sign.isdigit() for sign in one + other):
        return one == other
    if one.casefold() != other.casefold():
        return False
    # Co is cobalt, CO is not; two spellings of a word begin with the same capital.
    symbols = len(one) == 2 and one != other and one[0].isupper() and other[0].isupper()
    return None if symbols and one.casefold() not in {"no", "ok"} else True
