"""One spelling for the many ways to write the same short answer."""

import re
from fractions import Fraction

_SIGNS = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "×": r"\times ",
        "·": r"\cdot ",
        "÷": "/",
        "π": r"\pi ",
        "∞": r"\infty ",
        "∪": r"\cup ",
        "≤": r"\le ",
        "≥": r"\ge ",
        "²": "^2",
        "³": "^3",
        "√": " sqrt ",
        "°": r"^\circ",
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_WRAPPER = r"\\(?:text(?:bf|it|rm|normal)?|mbox|hbox|math(?:rm|bf|it)|operatorname)\s*"
_NO_UNIT = r"(?:times|plus|minus|over|to|mod|hundred|thousand|million|billion|dozen)\b"
_REWRITES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\(?:left|right|displaystyle)(?![A-Za-z])", ""),
        (r"\\[dtc]frac", r"\\frac"),
        (r"(?<!\\)\\!\s*", ""),
        (r"(?<!\\)\\[,;:> ]|~|\\q?quad(?![A-Za-z])", " "),
        (r"\{,\}", ","),
        (r"\\?\$|[€£¥]", ""),
        (r"\^?\s*\{?\s*\\(?:circ|degree)(?![A-Za-z])\s*\}?", ""),
        (r"\s*(?:\\?%|\b(?:percent|pct)\b)", ""),
        # Words: "and" makes a list, what follows a value is its unit, the rest is content.
        (_WRAPPER + r"\{\s*,?\s*(?:and|or)\s*\}|\s,?(?:and|or)\s", ", "),
        (r"(?<=[\d})\]])\s*" + _WRAPPER + r"\{[^{}]*\}(?:\s*\^\s*\{?\d\}?)?", ""),
        (_WRAPPER + r"\{([^{}]*)\}", r"\1"),
        # Plain text and short forms become full LaTeX.
        (r"(?<![\\A-Za-z])sqrt\s*(?:\(([^()]*)\)|(\d+))", r"\\sqrt{\1\2}"),
        (r"\\sqrt\s*(\d)(?!\d)", r"\\sqrt{\1}"),
        (r"(?<![\\A-Za-z])pi(?![A-Za-z])", r"\\pi "),
        (r"\\frac\s*(\d)\s*(?=[\d{])", r"\\frac{\1}"),
        (r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}"),
        (r"\*\*", "^"),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        # "(b) 0.3" names an option and its value; "(B)" names the option alone.
        (r"^\s*\(?[A-Ea-e]\)\s+(?=\S)", ""),
        (r"^\s*\(([A-Z])\)\s*$", r"\1"),
        (r"^(\s*[-+]?[\d.,/]+)\s+(?!" + _NO_UNIT + r")[A-Za-z]{2,}[A-Za-z .]*(?:\^?\d)?$", r"\1"),
        # Between digits, a space joins a mixed number, groups thousands, or parts a list.
        (r"(\d)\s+(\d+)/(\d+)", r"\1\\frac{\2}{\3}"),
        (r"(?<=\d)\s+(?=\d{3}(?:\D|$))(?=(?:\d{3}\s?)+$)", ""),
        (r"(?<=\d)\s+(?=\d)", ", "),
        (r"[\s.,;:]+$|^\s+", ""),
        (r"^\\?\{([^{}]*?)\\?\}$", r"\1"),
    ]
]
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_ASSIGNMENT = re.compile(
    r"^\s*[A-Za-z](?:_\{?\w+\}?)?(?:\([A-Za-z]\))?\s*(?:=|\\in(?![A-Za-z]))\s*(?=[^=\s][^=]*$)"
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")
_DECIMAL = re.compile(
    r"([-+]?)(\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})"
    r"(?:(?:[eE]|\\(?:times|cdot)10\^)\{?([-+]?\d{1,3})\}?)?"
)
_FRACTION = re.compile(
    r"([-+]?)(\d{0,300}?)(?:\\frac\{([-+]?\d{1,300})\}\{([-+]?\d{1,300})\}"
    r"|(?<!\d)(\d{1,300})\.?/(\d{1,300})\.?)"
)


def plain(text: str) -> str:
    """Rewrite an answer into one spelling, without its units, currency and layout."""
    text = text.translate(_SIGNS)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def without_name(text: str) -> str:
    """Drop the name from an assignment: `x = 3` is 3."""
    return _ASSIGNMENT.sub("", text)


def is_named(text: str) -> bool:
    """Tell whether an answer is an equation or a membership, rather than a value."""
    return bool(re.search(r"=|\\in(?![A-Za-z])", text))


def squeezed(text: str) -> str:
    """Reduce a plain answer to what decides whether two are the same text."""
    packed = re.sub(r"\s+", "", text)
    return packed.casefold() if is_prose(text) else packed


def is_prose(text: str) -> bool:
    """Tell words from mathematics."""
    return bool(_WORD.search(re.sub(r"\\(?:begin|end)\{\w+\}", "", text)))


def is_list(text: str) -> bool:
    """Tell whether a plain answer names several values outside brackets."""
    return "," in re.sub(r"[(\[{].*?[)\]}]", "", text)


def is_percent(text: str) -> bool:
    """Tell whether an answer is written as a percentage."""
    return bool(re.search(r"(?:%|percent|pct)\W*$", text))


def number(text: str) -> Fraction | None:
    """Read an integer, decimal, fraction or mixed number exactly; None for anything else."""
    text = re.sub(r"\s+", "", text)
    if match := _DECIMAL.fullmatch(text):
        sign, digits, exponent = match.groups()
        return Fraction(f"{sign}{digits}") * Fraction(10) ** int(exponent or 0)
    if match := _FRACTION.fullmatch(text):
        sign, whole, *parts = match.groups()
        top, bottom = (int(part) for part in parts if part is not None)
        if bottom:
            value = int(whole or 0) + Fraction(top, bottom)
            return -value if sign == "-" else value
    return None


def decimals(text: str) -> int:
    """Count the digits after the decimal point of a plain decimal."""
    return len(text.partition(".")[2]) if re.fullmatch(r"[-+]?\d*\.\d+", text) else 0
