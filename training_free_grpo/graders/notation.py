"""One spelling for the many ways to write the same short answer."""

import re
from fractions import Fraction

from training_free_grpo.graders.characters import greek_spelled
from training_free_grpo.graders.languages import CONJUNCTION
from training_free_grpo.graders.unit_table import CURRENCY_SIGNS

_WRAPPER = (
    r"\\(?:text(?:bf|it|rm|sf|tt|sc|normal|up)?|emph|underline|boldsymbol|bm|ensuremath|mbox|hbox"
    r"|math(?:rm|bf|it|sf|tt|normal)|operatorname\*?)\s*"
)
_FUNCTIONS = (
    "arcsin|arccos|arctan|arccot|arcsec|arccsc|sinh|cosh|tanh|coth|sin|cos|tan|cot|sec|csc|log|ln"
    "|exp|gcd|max|min|det|deg|dim|ker|arg"
)
_DECORATION = (
    r"\\(?:left|right|displaystyle|textstyle|large|Large|LARGE|huge|small|bf|rm|it|bfseries|limits"
    r"|nolimits|therefore|because|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr|mathstrut"
    r"|strut)(?![A-Za-z])"
    r"|\\[hv]?phantom\s*\{[^{}]*\}|\\checkmark(?![A-Za-z])|\\(?:tag|label)\*?\s*\{[^{}]*\}"
    r"|\\(?:text)?color\s*\{[^{}]*\}"
)
_REWRITES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (_DECORATION, ""),
        (r"\\(?:[dtcs]|nice)frac", r"\\frac"),
        (r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}", r"\\frac{\1}{\2}"),
        (r"(?<!\\)\\!\s*", ""),
        (r"(?<!\\)\\[,;:> ]|~|\\q?quad", " "),
        (r"\s*\{\s*,\s*\}\s*", ","),
        (rf"\\?\$|[{CURRENCY_SIGNS}]|\\?%", ""),
        (_WRAPPER + r"\{\s*,?\s*(?:and|or)\s*\}|\s,?(?:and|or)\s", ", "),
        (r"(?<=[\d)\]])(?:and|or)(?=[\d(\[]|[A-Z]\(|[a-z]\s*=)", ", "),
        (rf"\\operatorname\*?\s*\{{\s*({_FUNCTIONS}|lcm)\s*\}}", r"\\\1 "),
        (_WRAPPER + r"\{([^{}]*)\}", r"\1"),
        (_WRAPPER + r"\{([^{}]*)\}", r"\1"),
        (r"\.{3}|\\(?:dots|cdots|dotsc)(?![A-Za-z])", r"\\ldots "),
        (r"(?<![\\A-Za-z])(?:minus|negative) (?=infinity)", "-"),
        (
            r"(?<![\\A-Za-z])(?:(?:plus |positive )?[Ii]nfinity|infty|inf|oo)(?![A-Za-z])",
            r"\\infty ",
        ),
        (r"(?<![\\A-Za-z])a(sin|cos|tan)(?=\s*[({\\\d])", r"\\arc\1 "),
        (r"(?<![\\A-Za-z])abs\s*\(([^()]*)\)", r"|\1|"),
        (r"\\[lr]vert(?![A-Za-z])", "|"),
        (r"\\lbrace(?![A-Za-z])", r"\\{"),
        (r"\\rbrace(?![A-Za-z])", r"\\}"),
        (r"\\varnothing(?![A-Za-z])", r"\\emptyset"),
        (r"\\(?:p|b)?mod(?![A-Za-z])\s*|(?<![\\A-Za-z])mod(?:ulo)?(?![A-Za-z])\s*", r"\\mod "),
        (r"\(\s*\\mod ([^()]*)\)", r"\\mod \1"),
        (r"\\(?:to|longrightarrow)(?![A-Za-z])", r"\\rightarrow"),
        (r"\\(?:gets|longleftarrow)(?![A-Za-z])", r"\\leftarrow"),
        (r"\\(?:implies|Longrightarrow)(?![A-Za-z])", r"\\Rightarrow"),
        (r"\\(?:iff|Longleftrightarrow)(?![A-Za-z])", r"\\Leftrightarrow"),
        # Plain text and short forms become full LaTeX.
        (r"(?<![\\A-Za-z])(?:sqrt|√)\s*(?:\(([^()]*)\)|(\d+))", r"\\sqrt{\1\2}"),
        (r"\\sqrt\s*(\d)(?!\d)", r"\\sqrt{\1}"),
        (r"\\sqrt\s*(\[\d+\])\s*(\w)", r"\\sqrt\1{\2}"),
        (rf"(?<![\\A-Za-z])(pi|{_FUNCTIONS})(?![A-Za-z])", r"\\\1 "),
        (r"\\frac\s*(\d)\s*(?=[\d{])", r"\\frac{\1}"),
        (r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}"),
        (r"\*\*", "^"),
        (r"\^\(([^()]*)\)", r"^{\1}"),
        (r"<=|=<", r"\\le "),
        (r">=", r"\\ge "),
        (r"!=", r"\\ne "),
        (r"(?<=[A-Za-z])\s*\\approx(?![A-Za-z])", "="),
        (r"_\{(\w)\}", r"_\1"),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        # Between digits, a space joins a mixed number, groups thousands, or separates a list.
        (r"(\d)\s+(\d+)/(\d+)", r"\1\\frac{\2}{\3}"),
        (r"(?<=\d)(?<!_\d)\s+(?=\d{3}(?:\D|$))(?=(?:\d{3}\s?)+$)", ""),
        (r"(?<=\d)(?<!_\d)\s+(?=\d)", ", "),
        (r"[\s.,;:]+$|^\s+|^\s*(?:\\approx|\\boxed|≈)(?![A-Za-z])\s*", ""),
        (r"(?<=\d)\.(?=\s*\})", ""),
        (r"^\{([^{}]*)\}$", r"\1"),
    ]
]
_DEGREES = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:\^?\s*\\(?:circ|degree)(?![A-Za-z])|\^\s*\{\s*\\circ\s*\}|\^?°)"
)
_RADIANS = r"(\1\\cdot\\frac{\\pi}{180})"
_TRIGONOMETRY = re.compile(r"\\?(?:sin|cos|tan|cot|sec|csc)")
_ESCAPED = re.compile(r"\\(?=\\[A-Za-z]{2})")
_SIMPLE = re.compile(r"[-+]?\d+(?:[./]\d+)?")
_PREAMBLE = re.compile(
    r"(?:\\text\s*\{\s*)?(?:the )?(?:(?:final|correct) )?(?:answer|result|solution|value|total"
    r"|sum)s?(?: is"
    r"| are)?\s*"
    r"[:=]?\s*(?:\}\s*|(?<=[\s:=])(?=[^}]*$))(?=\S)|(?:in )?(?:the )?year\s+(?=\d)|(?:exactly"
    r"|approximately|about|roughly"
    r"|=)\s+(?=[\d\\$-])",
    re.IGNORECASE,
)
_TEXT = re.compile(r"\\(?:text|mbox|textrm)\s*\{([^{}]*)\}")
_WHOLE_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_CONDITION = re.compile(
    r"[\s,;~]*(?:\\quad|\\[,; ])*\s*(?:,\s*(?:\\text\s*\{\s*)?(?:where|with|for (?:all|any"
    r"|every|some)|as)\b"
    r"|(?:\\text\s*\{\s*|(?<=[\d}])\s+)\((?!mod)[A-Za-z ,'-]{4,40}\)\s*\}?$"
    r"|\\text\s*\{\s*,?\s*(?:where|for (?:all|any|every|some))\b).*",
    re.DOTALL,
)
_SIGN = re.compile(
    r"[<>=+*/!-]{1,2}|\\(?:le|ge|ne|approx|equiv|sim|pm|mp|times|cdot|div|in|notin|subset"
    r"|subseteq|perp"
    r"|parallel|cup|cap|land|lor|neg|forall|exists|[a-zA-Z]*arrow)q?"
)
_CITATION = re.compile(r"(?<=[\w)}])\s\[\d{1,2}\]$")
_ALONE = re.compile(r"^(?:both|either)\s+|,?\s+only$", re.IGNORECASE)
_INEQUALITY = re.compile(r"[<>]|\\(?:le|ge|ne)q?(?![A-Za-z])|≤|≥|≠")
_AND = re.compile(
    r"\s*(?:\\text\s*\{\s*,?\s*and\s*\}|,?\s*\band\b|\\land(?![A-Za-z])|\\wedge(?![A-Za-z]))\s*"
)
_SUCH_THAT = re.compile(
    r"^\{(\s*[A-Za-z]\s*(?:\\in\s*\\mathbb\{R\}\s*)?(?:\||:|\\mid|\\vert).*)\}$", re.DOTALL
)
_OUTWARD = re.compile(r"([\[\]])([^\[\](),;]+[,;][^\[\](),;]+)([\[\]])")
_NO_SOLUTION = re.compile(
    r"(?:there (?:is|are) )?no (?:real |such )?(?:solutions?|values?|roots?)|(?:the )?(?:empty"
    r"|null) set|none"
    r"|\\\{\s*\\\}|\\text\{\s*no (?:real )?solutions?\s*\}",
    re.IGNORECASE,
)
_ALL_REALS = re.compile(
    r"(?:the set of )?(?:all|any|the|every)(?: of the)? reals?(?: numbers?)?(?:\s*,?\s*(?:excep"
    r"t|but|other than)(?: for)?\s+(.+))?",
    re.IGNORECASE,
)
_UNDEFINED = re.compile(r"(?:the limit )?(?:does not|doesn't) exist|d\.?n\.?e\.?", re.IGNORECASE)
_APART = re.compile(r"\b(?:and|or)\b|;|,\s")
_GROUPED = re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?!,?\d)")
_THOUSANDS = re.compile(
    r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[-+]?[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d+)?"
)
_POINTS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+,\d+|[-+]?[1-9]\d{0,2}(?:\.\d{3}){2,}")
_APOSTROPHES = re.compile(r"[-+]?[1-9]\d{0,2}(?:'\d{3})+(?:\.\d+)?")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")
_DECIMAL = re.compile(
    r"([-+]?)(\d{1,1000}(?:\.\d{0,1000})?|\.\d{1,1000})"
    r"(?:(?:[eE]|\\(?:times|cdot)10\^)\{?([-+]?\d{1,3})\}?)?"
)
_POINT = re.compile(r"[-+]?\d*\.\d+")
_COMMA = re.compile(r"[-+]?\d+,\d+")
_REPEATING = re.compile(r"([-+]?)(\d{0,30})\.(\d{0,30})\\overline\{(\d{1,30})\}")
_REPETITIONS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\(?:bar|overbar|underline)\s*\{(\d+)\}|\\(?:bar|overline)\s*(\d)", r"\\overline{\1\2}"),
        (r"\\dot\s*\{?(\d)\}?(\d*)\\dot\s*\{?(\d)\}?", r"\\overline{\1\2\3}"),
        (r"\\dot\s*\{?(\d)\}?", r"\\overline{\1}"),
        (r"(\.\d*)\((\d+)\)", r"\1\\overline{\2}"),
        (r"(\.\d*?)(\d)\2{2,}\s*(?:\.{3}|\\[lc]?dots)", r"\1\\overline{\2}"),
        (r"(\.\d*?)(\d{2,10}?)\2+\s*(?:\.{3}|\\[lc]?dots)", r"\1\\overline{\2}"),
    ]
]
_FRACTION = re.compile(
    r"([-+]?)(\d{0,1000}?)(?:\\frac\{([-+]?\d{1,1000})\}\{([-+]?\d{1,1000})\}"
    r"|(?<!\d)(\d{1,1000})\.?/(\d{1,1000})\.?)"
)


def bare(answer: str) -> str:
    """Remove an announcement from the start of an answer, and a condition from its end."""
    if _SIMPLE.fullmatch(answer):
        return answer
    if answer.startswith("\\text") and (whole := _WHOLE_TEXT.fullmatch(answer)):
        answer = whole[1].strip()
    if preamble := _PREAMBLE.match(answer):
        answer = answer[preamble.end() :]
    if condition := _CONDITION.search(answer, 1):
        answer = answer[: condition.start()]
    answer = _CITATION.sub("", answer)
    return (
        _ALONE.sub("", answer)
        if "only" in answer or answer[:6].casefold().startswith(("both", "either"))
        else answer
    )


def plain(text: str) -> str:
    """Rewrite an answer into one spelling, without its currency and layout."""
    if _SIMPLE.fullmatch(text):
        return text
    text = _worded(greek_spelled(text))
    if "\\begin" not in text:  # lines of a matrix cannot be meant here, so it is escaped twice
        text = _ESCAPED.sub("", text)
    if "\\circ" in text or "\\degree" in text or "°" in text:
        text = _DEGREES.sub(_RADIANS if _TRIGONOMETRY.search(text) else r"\1", text)
    if "." in text and any(mark in text for mark in ("...", "dot", "(", "\\bar", "line")):
        for pattern, replacement in _REPETITIONS:
            text = pattern.sub(replacement, text)
    if "&" in text and "\\begin" not in text:
        text = text.replace(" & ", ", ")
    if text.startswith("{"):
        text = _SUCH_THAT.sub(r"\\{\1\\}", text)
    if "[" in text or "]" in text:
        text = _OUTWARD.sub(_inward, text)
    if "," in text and _APART.search(text):
        text = _GROUPED.sub(lambda m: m.group().replace(",", ""), text)
    if "and" in text:
        text = _conjoined(text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    return _thousands_abroad(text) if "." in text or "'" in text else text


def _thousands_abroad(text: str) -> str:
    if _POINTS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text.replace("'", "") if _APOSTROPHES.fullmatch(text) else text


def _worded(text: str) -> str:
    if not text.isascii():
        text = CONJUNCTION.sub(", ", text)
    if "real" in text:
        text = _TEXT.sub(r"\1", text)
    if _NO_SOLUTION.fullmatch(text):
        return r"\emptyset"
    if match := _ALL_REALS.fullmatch(text):
        excepted = rf"\setminus\{{{match[1]}\}}" if match[1] else ""
        return rf"\mathbb{{R}}{excepted}"
    return "DNE" if _UNDEFINED.fullmatch(text) else text


def _inward(match: re.Match[str]) -> str:
    # In Bourbaki's notation, a bracket that faces outward excludes the endpoint.
    opening = "(" if match[1] == "]" else "["
    return opening + match[2] + (")" if match[3] == "[" else "]")


def _conjoined(text: str) -> str:
    parts = _AND.split(text)
    if len(parts) > 1 and all(_INEQUALITY.search(part) for part in parts):
        return r" \land ".join(parts)
    return text


def squeezed(text: str) -> str:
    """Reduce a plain answer to the characters that decide whether two are the same text."""
    packed = re.sub(r"\s+", "", text)
    return packed.casefold() if is_prose(text) else packed


def is_prose(text: str) -> bool:
    """Return whether a text consists of words rather than mathematics."""
    return bool(_WORD.search(re.sub(r"\\(?:begin|end)\{\w+\}", "", text)))


def is_sign(text: str) -> bool:
    """Return whether a text is a bare sign, as for a question about a relation, not a formula."""
    return bool(_SIGN.fullmatch(text.strip()))


def is_sequence(text: str) -> bool:
    """Return whether an answer separates its numbers by spaces alone, so that order counts."""
    return bool(re.fullmatch(r"-?[\d./]+(?:\s+-?[\d./]+)+", text))


def is_list(text: str) -> bool:
    """Return whether a plain answer names several values outside brackets."""
    if "," not in text:
        return False
    inside = re.sub(r"^\\?\{(.*?)\\?\}$", r"\1", text)
    return "," in re.sub(r"[(\[{].*?[)\]}]", "", inside)


def numbers(*texts: str) -> list[Fraction] | None:
    """Read plain numbers exactly; None unless all are numbers.

    A comma is a decimal comma if another of the numbers has a decimal point.
    """
    if any(map(_POINT.fullmatch, texts)):
        texts = tuple(text.replace(",", ".") if _COMMA.fullmatch(text) else text for text in texts)
    values = [_number(text) for text in texts]
    return [value for value in values if value is not None] if None not in values else None


def _number(text: str) -> Fraction | None:
    text = re.sub(r"\s+", "", text)
    if match := _DECIMAL.fullmatch(text):
        sign, digits, exponent = match.groups()
        return Fraction(f"{sign}{digits}") * Fraction(10) ** int(exponent or 0)
    if match := _REPEATING.fullmatch(text):
        sign, whole, once, again = match.groups()
        tail = Fraction(
            int(once + again) - int(once or 0), (10 ** len(again) - 1) * 10 ** len(once)
        )
        return (int(whole or 0) + tail) * (-1 if sign == "-" else 1)
    if match := _FRACTION.fullmatch(text):
        sign, whole, *parts = match.groups()
        top, bottom = (int(part) for part in parts if part is not None)
        if bottom:
            value = int(whole or 0) + Fraction(top, bottom)
            return -value if sign == "-" else value
    return None
