"""Signs that distinguish names, as the words by which they are read: C# is C sharp."""

import regex

_NAMES = {
    "+": "plus",
    "-": "minus",
    "#": "sharp",
    "♯": "sharp",
    "♭": "flat",
    "♮": "natural",
    "%": "percent",
    "‰": "per mille",
    "<": "less than",
    "≤": "at most",
    "<=": "at most",
    ">": "more than",
    "≥": "at least",
    ">=": "at least",
    "~": "about",
    "∼": "about",
    "≈": "about",
    "±": "plus minus",
    "√": "root",
    "^": "to the power",
    "*": "star",
}
_SIGN = regex.compile(
    r"(?<=[\p{L}\p{N}\p{M}]|\+)\+(?![\p{L}\p{N}])"  # C++, O+, Disney+
    r"|(?<=[\p{L}\p{N}])\+(?=\+)"
    r"|(?<=[\p{L}\p{N}\p{M}])(?:[♯♭♮]|#(?![\p{L}\p{N}]))"  # C#, B♭
    r"|(?<=\b[A-Ga-g])#"  # F#m
    r"|(?<=(?<![\p{L}\p{N}\p{M}-])[A-Za-z]{1,2}\d{0,2})-(?![\p{L}\p{N}\p{M}-])"  # O-, Cl-
    r"|(?<=(?<![\p{L}\p{N}\p{M}-])[A-Za-z]{1,2} )[+-](?=\s*\Z)"  # O +
    r"|(?<=\b[A-Za-z]{1,2})\*(?![\p{L}\p{N}\p{M}*])"  # A*
    r"|(?<=\d\s?)[%‰]"
    r"|(?<![\p{L}\p{N}\p{M}.,:/)-])-(?=\p{Sc}?\s?\.?\d)"  # -5
    r"|(?:[<>]=?|[≤≥~∼≈±√])(?=\s?\p{Sc}?\s?[-+.]?\d)"  # <5
    r"|(?<=\d)\^(?=\d)"
)


def name_signs(text: str) -> str:
    """Write the signs of a folded text that carry meaning as words."""
    return str(_SIGN.sub(lambda sign: f" {_NAMES[sign[0]]} ", text))


def drop_signs(text: str) -> str:
    """Remove the same signs."""
    return str(_SIGN.sub(" ", text))
