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
        "≠": r"\ne ",
        "≈": r"\approx ",
        "±": r"\pm ",
        "∈": r"\in ",
        "∅": r"\emptyset ",
        "²": "^2",
        "³": "^3",
        "√": " sqrt ",
        "°": r"^\circ ",
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_WRAPPER = r"\\(?:text(?:bf|it|rm|normal)?|mbox|hbox|math(?:rm|bf|it)|operatorname)\s*"
_REWRITES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\(?:left|right|displaystyle)(?![A-Za-z])", ""),
        (r"\\[dtc]frac", r"\\frac"),
        (r"(?<!\\)\\!\s*", ""),
        (r"(?<!\\)\\[,;:> ]|~|\\q?quad", " "),
        (r"\s*\{\s*,\s*\}\s*", ","),
        (r"\\?\$|[€£¥]|\\?%", ""),
        (_WRAPPER + r"\{\s*,?\s*(?:and|or)\s*\}|\s,?(?:and|or)\s", ", "),
        (r"(?<=[\d)\]])(?:and|or)(?=[\d(\[]|[A-Z]\(|[a-z]\s*=)", ", "),
        (_WRAPPER + r"\{([^{}]*)\}", r"\1"),
        # Plain text and short forms become full LaTeX.
        (r"(?<![\\A-Za-z])sqrt\s*(?:\(([^()]*)\)|(\d+))", r"\\sqrt{\1\2}"),
        (r"\\sqrt\s*(\d)(?!\d)", r"\\sqrt{\1}"),
        (r"(?<![\\A-Za-z])(pi|sin|cos|tan|log|ln|exp)(?![A-Za-z])", r"\\\1 "),
        (r"\\frac\s*(\d)\s*(?=[\d{])", r"\\frac{\1}"),
        (r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}"),
        (r"\*\*", "^"),
        (r"<=|=<", r"\\le "),
        (r">=", r"\\ge "),
        (r"!=", r"\\ne "),
        (r"(?<=[A-Za-z])\s*\\approx(?![A-Za-z])", "="),
        (r"_\{(\w)\}", r"_\1"),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        # Between digits, a space joins a mixed number, groups thousands, or parts a list.
        (r"(\d)\s+(\d+)/(\d+)", r"\1\\frac{\2}{\3}"),
        (r"(?<=\d)(?<!_\d)\s+(?=\d{3}(?:\D|$))(?=(?:\d{3}\s?)+$)", ""),
        (r"(?<=\d)(?<!_\d)\s+(?=\d)", ", "),
        (r"[\s.,;:]+$|^\s+|^\s*(?:\\approx|\\boxed|≈)(?![A-Za-z])\s*", ""),
        (r"(?<=\d)\.(?=\s*\})", ""),
        (r"^\{([^{}]*)\}$", r"\1"),
    ]
]
_DEGREES = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:\^?\s*\\(?:circ|degree)(?![A-Za-z])|\^\s*\{\s*\\circ\s*\})"
)
_RADIANS = r"(\1\\cdot\\frac{\\pi}{180})"
_TRIGONOMETRY = re.compile(r"\\?(?:sin|cos|tan|cot|sec|csc)")
_ESCAPED = re.compile(r"\\(?=\\[A-Za-z]{2})")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")
_DECIMAL = re.compile(
    r"([-+]?)(\d{1,1000}(?:\.\d{0,1000})?|\.\d{1,1000})"
    r"(?:(?:[eE]|\\(?:times|cdot)10\^)\{?([-+]?\d{1,3})\}?)?"
)
_POINT = re.compile(r"[-+]?\d*\.\d+")
_COMMA = re.compile(r"[-+]?\d+,\d+")
_REPEATING = re.compile(r"([-+]?)(\d{0,30})\.(\d{0,30})\\overline\{(\d{1,30})\}")
_FRACTION = re.compile(
    r"([-+]?)(\d{0,1000}?)(?:\\frac\{([-+]?\d{1,1000})\}\{([-+]?\d{1,1000})\}"
    r"|(?<!\d)(\d{1,1000})\.?/(\d{1,1000})\.?)"
)


def plain(text: str) -> str:
    """Rewrite an answer into one spelling, without its currency and layout."""
    text = text.translate(_SIGNS)
    if "\\begin" not in text:  # where lines of a matrix cannot be meant, it is escaped twice
        text = _ESCAPED.sub("", text)
    text = _DEGREES.sub(_RADIANS if _TRIGONOMETRY.search(text) else r"\1", text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def squeezed(text: str) -> str:
    """Reduce a plain answer to what decides whether two are the same text."""
    packed = re.sub(r"\s+", "", text)
    return packed.casefold() if is_prose(text) else packed


def is_prose(text: str) -> bool:
    """Tell words from mathematics."""
    return bool(_WORD.search(re.sub(r"\\(?:begin|end)\{\w+\}", "", text)))


def is_word(text: str) -> bool:
    """Tell letters that spell something, as in an order of arrival, from a product."""
    return bool(re.fullmatch(r"[A-Z]{2,}", text))


def is_sequence(text: str) -> bool:
    """Tell whether an answer lists numbers with spaces alone: their order counts."""
    return bool(re.fullmatch(r"-?[\d./]+(?:\s+-?[\d./]+)+", text))


def is_list(text: str) -> bool:
    """Tell whether a plain answer names several values outside brackets."""
    inside = re.sub(r"^\\\{(.*)\\\}$", r"\1", text)
    return "," in re.sub(r"[(\[{].*?[)\]}]", "", inside)


def numbers(*texts: str) -> list[Fraction] | None:
    """Read plain numbers exactly; None unless all are numbers.

    A comma is a decimal comma beside a number with a decimal point.
    """
    if any(map(_POINT.fullmatch, texts)):
        texts = tuple(text.replace(",", ".") if _COMMA.fullmatch(text) else text for text in texts)
    values = [_number(text) for text in texts]
    return [value for value in values if value is not None] if None not in values else None


def _number(text: str) -> Fraction | None:
    text = re.sub(r"\s+", "", text)
    if match := _REPEATING.fullmatch(text):
        sign, whole, once, again = match.groups()
        tail = Fraction(
            int(once + again) - int(once or 0), (10 ** len(again) - 1) * 10 ** len(once)
        )
        return (int(whole or 0) + tail) * (-1 if sign == "-" else 1)
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
