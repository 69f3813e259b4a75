r"""Units of answers: `5\text{ cm}`, `$18.90`, `1 h 30 min`, `20%`, `1011_2`."""

import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from training_free_grpo.graders.unit_table import CURRENCY_SIGNS, DERIVED, measures

_POWER_WORDS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in [
        (r"\b(?:square|sq)\s+([a-z]+)|([a-z]+)(?:\s+squared|²)", r"\1\2^2"),
        (r"\b(?:cubic|cu)\s+([a-z]+)|([a-z]+)(?:\s+cubed|³)", r"\1\2^3"),
        (r"\b(?:per|each|an?)\s+(?=[a-z])", "/"),
        (r"\bpercentage\b|\blight[ -]years?\b", "lightyear"),
        (r"\b(?:us|short) tons?\b|\bmetric tons?\b", "ton"),
        (r"\bnautical miles?\b", "nmi"),
        (r"\b(?:fluid|fl) (?:ounces?|oz)\b", "floz"),
        (r"\b(?:us|u\.s\.) dollars?\b", "USD"),
        (r"\bcanadian dollars?\b", "CAD"),
        (r"\baustralian dollars?\b", "AUD"),
        (r"\bhong kong dollars?\b", "HKD"),
        (r"\bpounds? sterling\b", "GBP"),
        (r"\bdegrees? (celsius|fahrenheit|centigrade)\b", r"\1"),
        (r"\b(kilo|mega|giga|tera|milli|micro)?(watt|kilowatt)[ -]hours?\b", r"\1Wh"),
        (r"°\s+(?=[CF]$)", "°"),
    ]
]
_LETTER = r"[^\W\d_]"
_FACTOR = re.compile(rf"((?:{_LETTER}|[°{CURRENCY_SIGNS}])+\$?)\s*\^?\s*\{{?(-?\d)?\}}?")

_WRAPPER = (
    r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|mbox|hbox|math(?:rm|bf|it|sf)|operatorname|unit|si)\s*"
)
_SET_IN_TEXT = re.compile(_WRAPPER + r"\{(?!\s*[eid]\s*\})([^{}]*)\}")
_QUOTIENT = re.compile(r"\\[dt]?frac\s*\{\s*\x00([^{}\d]*)\}\s*\{\s*\x00([^{}\d]*)\}")
_SI = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SYMBOL = re.compile(r"\\mu\s*(?=\x00?\s*[A-Za-z])|\\(?:Omega|ohm)(?![A-Za-z])|\\AA(?![A-Za-z])")
_MONEY_COMMANDS = {"euro": "€", "texteuro": "€", "pounds": "£", "yen": "¥"}
_MONEY_COMMAND = re.compile(rf"\\({'|'.join(_MONEY_COMMANDS)})(?![A-Za-z])\s*")
_SYMBOLS = {"m": "μ", "O": "Ω", "o": "Ω", "A": "Å"}
_DOT = re.compile(r"\s*(?:\\cdot(?![A-Za-z])|\*|·|⋅)\s*(?=\x00)")
_DELIMITED = re.compile(r"(?<!\\)\$([^$]*[^$\\])\$")
_SPACE = re.compile(r"(?<!\\)\\[,;: ]|~|\\q?quad(?![A-Za-z])|[\u00a0\u202f]")
_DEGREE = re.compile(r"\^?\s*\\(?:circ|degree)(?![A-Za-z])|\^\s*\{\s*\\circ\s*\}|\^\s*°")
_PERCENT = re.compile(
    r"(?P<value>.*[^\s\\])\s*(?:\\?%|\x00?\s*\b(?:percent(?:age points?)?|per cent|pct)\b)"
    r"(?P<label>[\s\x00]+(?:[A-Za-z]+[\s.]*){1,5})?\W*",
    re.DOTALL,
)
_MONEY_AHEAD = re.compile(
    rf"(?P<sign>[-−]?)\s*(?P<unit>[A-Z]{{1,2}}\$|\\?\$|[{CURRENCY_SIGNS}]|[A-Z]{{3}}(?=[\s\d-])"
    rf"|Rs\.?|kr\.?|zł)\s*(?P<value>-?\s*[\d.].*)",
    re.DOTALL,
)
_IN_PARENTHESES = re.compile(r"\(([^()]*)\)")
_BASE = re.compile(r"(?P<value>[0-9A-F]+)_\{?(?P<base>\d{1,2})\}?")
_TAIL = rf"(?:{_LETTER}|[°{CURRENCY_SIGNS}])(?:{_LETTER}|[°{CURRENCY_SIGNS} \x00./^{{}}\d²³*-])*"
_IN_TEXT = re.compile(
    rf"(?P<value>[^\x00]*[^\s\x00(=<>+*/^,-])\s*\x00\s*(?P<unit>{_TAIL})", re.DOTALL
)
_PLAIN = re.compile(
    rf"(?P<value>.*(?:[\d)}}\]]|\d\.|\\pi(?=\s)))(?P<gap>[\s-]*)(?P<unit>{_TAIL})", re.DOTALL
)
_NUMBER = r"\d[\d,]*(?:\.\d+)?|\d*\\frac\{\d+\}\{\d+\}|\d+/\d+|\d+ \d+/\d+"
_PART = re.compile(
    rf"({_NUMBER})[\s\x00]*((?:{_LETTER}|[°'\"]){{1,12}})\.?[\s\x00,]*(?:and\b[\s\x00]*)?"
)
_MONEY_PARTS = re.compile(r"\$\s?(\d+) and (\d+) cents?")
_CLOCKED = re.compile(r"(\d+)\s*(?:h|hr|hours?)\s*(\d{1,2})")
_AND_COMMA = re.compile(r",\s+(?:(?:and|or)\s+)?|\s+(?:and|or)\s+")
_LABEL = re.compile(
    rf"(?:{_LETTER}{{3,}}[ .-]*){{1,6}}(?:\^?\{{?\d\}}?)?|[^\x00-\x7f\u0370-\u03ff]+"
)
_GENERIC = re.compile(
    r"(?:square |cubic |sq\.? |cu\.? )?units?(?:\^?\{?\d\}?)?|in (?:total|all)|altogether|total"
    r"|each"
)
# These change the value, so they are not names of what is counted.
_NO_LABEL = re.compile(
    r"\b(?:and|or|times|plus|minus|over|to|mod|choose|factorial|squared|cubed|below|negative"
    r"|not|but"
    r"|hundred|thousand|million|billion|trillion|dozen|half|halves"
    r"|(?:third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth|hundredth|thousandth)s?)\b",
    re.IGNORECASE,
)
_TRIGONOMETRY = re.compile(
    r"\\(?:sin|cos|tan|cot|sec|csc)|(?<![A-Za-z])(?:sin|cos|tan|cot|csc)(?![A-Za-z])"
)
_UNMEASURED = re.compile(r"-?[\d.,/\s]*")
_GLUED = frozenset(
    [
        "mm",
        "cm",
        "dm",
        "km",
        "in",
        "ft",
        "yd",
        "mi",
        "ms",
        "hr",
        "kg",
        "mg",
        "oz",
        "lb",
        "mL",
        "ml",
        "am",
        "pm",
        "Hz",
    ]
)
_NO_LETTER = re.compile(rf"[^\w°{CURRENCY_SIGNS}]|[\d_]")
_MONEY_SIGNS = frozenset(f"°{CURRENCY_SIGNS}元円원")
_SINGLE = frozenset("mshgdLlNJWVACTΩ°$€£¢¥₹₩₽元円원Å")


class Unit(NamedTuple):
    """The dimension of a unit, and its size."""

    kind: frozenset[tuple[str, int]]
    size: Fraction


class Quantity(NamedTuple):
    """An answer without its unit, and the unit's possible meanings: a pound is a mass, or money."""

    value: str
    units: tuple[Unit, ...] = ()
    is_percent: bool = False
    label: str = ""
    """A word that is not a unit: what is counted, or what a percentage is of."""


def quantity(text: str, *, glued: bool = False) -> Quantity:
    """Split an answer from its unit; a word that is not a unit, as in `5 apples`, is a label.

    In `48g` the letter is a variable, unless `glued` says that a unit is expected.
    """
    if _UNMEASURED.fullmatch(text):
        return Quantity(text)
    marked = _marked(text)
    if compound := _compound(marked):
        return compound
    if match := _PERCENT.fullmatch(marked):
        label = _unmarked(match["label"] or "").casefold().rstrip(" .")
        return Quantity(_unmarked(match["value"]), (), is_percent=True, label=label)
    if (match := _MONEY_AHEAD.fullmatch(marked)) and (units := _units(match["unit"].strip("\\."))):
        inside = quantity(match["value"])
        return inside._replace(value=match["sign"] + inside.value, units=units)
    if match := _BASE.fullmatch(marked.replace("\0", "")):
        base = Unit(frozenset({("base", int(match["base"]))}), Fraction(1))
        return Quantity(match["value"], (base,))
    return _listed(marked, glued) or _measured(marked, glued) or Quantity(text)


def in_base_ten(number: Quantity) -> int | None:
    """Read a number with an explicit base, `101_2` as 5."""
    bases = [power for unit in number.units for kind, power in unit.kind if kind == "base"]
    try:
        return int(number.value, bases[0]) if bases else None
    except ValueError:
        return None


def common_units(given: Quantity, expected: Quantity) -> list[Fraction]:
    """Return the conversion factors between two units, one per meaning; empty if they conflict."""
    return [
        one.size / other.size
        for one, other in product(given.units, expected.units)
        if one.kind == other.kind
    ]


def _marked(text: str) -> str:
    text = _DELIMITED.sub(r"\1", text.replace("\0", ""))
    text = _MONEY_COMMAND.sub(lambda m: _MONEY_COMMANDS[m[1]], text) if "\\" in text else text
    if "\\" in text or "~" in text or not text.isascii():
        text = _SI.sub(r"\1\\text{ \2}", text)
        text = _DEGREE.sub("°", _SPACE.sub(" ", text))
        text = _SET_IN_TEXT.sub("\0\\1", text).strip().replace("°\0", "\0°")
        text = _SYMBOL.sub(lambda m: _SYMBOLS[m.group()[1]], _DOT.sub(" ", text))
        text = _QUOTIENT.sub("\0\\1/\\2", text)
    if (match := _IN_PARENTHESES.fullmatch(text)) and text[1:2] in CURRENCY_SIGNS:
        return match[1]
    return text.strip()


def _compound(marked: str) -> Quantity | None:
    """Add up `5 ft 6 in`: numbers with successively smaller units of one kind."""
    if match := _CLOCKED.fullmatch(marked):
        return _added([(match[1], "h"), (match[2], "min")])
    if match := _MONEY_PARTS.fullmatch(marked.replace("\\", "")):
        return _added([(match[1], "dollar"), (match[2], "cent")])
    if not marked[:1].isdigit():
        return None
    parts = []
    place = 0
    while place < len(marked):
        match = _PART.match(marked, place)
        if not match:
            return None
        parts.append((match[1], match[2]))
        place = match.end()
    return _added(parts) if len(parts) > 1 else None


_MARKS = {"'": "ft", '"': "inch", "°": "deg"}
_SHORT_TIMES = {"m": "min"}


def _added(parts: list[tuple[str, str]]) -> Quantity | None:
    names = [name for _, name in parts]
    times = {name.casefold() for name in names} & {
        "h",
        "hr",
        "hrs",
        "s",
        "sec",
        "d",
        "hour",
        "hours",
    }
    marks = {"'": "arcmin", '"': "arcsec"} if "°" in names else {}
    spelled = [(marks | _MARKS | (_SHORT_TIMES if times else {})).get(name, name) for name in names]
    total = Fraction(0)
    last: Unit | None = None
    for (number, _), name in zip(parts, spelled, strict=True):
        unit = next((u for u in _units(name) if last is None or u.kind == last.kind), None)
        value = _exact(number)
        if unit is None or value is None or (last and unit.size >= last.size):
            return None
        total += value * unit.size
        last = unit
    if last is None:
        return None
    amount = total / last.size
    whole = amount.denominator == 1
    return Quantity(str(amount) if whole else f"{amount.numerator}/{amount.denominator}", (last,))


def _exact(number: str) -> Fraction | None:
    number = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r" \1/\2", number.replace(",", ""))
    try:
        return sum((Fraction(part) for part in number.split()), Fraction(0))
    except (ValueError, ZeroDivisionError):
        return None


def _measured(marked: str, glued: bool) -> Quantity | None:
    match = _IN_TEXT.fullmatch(marked) or _PLAIN.fullmatch(marked)
    if not match or _TRIGONOMETRY.search(marked):
        return None
    value, written = _unmarked(match["value"]), _unmarked(match["unit"])
    in_text = "\0" in marked
    free = bool(in_text or glued or match["gap"]) or not written.isascii()
    units = _units(written)
    if units and (in_text or glued or _is_unit(written, free)):
        return Quantity(value, units)
    if not free or _NO_LABEL.search(written):
        return None
    if known := _described(written):
        return Quantity(value, known)
    label = "" if _GENERIC.fullmatch(written) else written
    return Quantity(value, label=label) if _LABEL.fullmatch(written) else None


def _is_unit(written: str, free: bool) -> bool:
    """Return whether letters are a unit, not variables: right after a number they may be either."""
    letters = _NO_LETTER.sub("", written)
    if written.count("{") != written.count("}"):
        return False
    if len(letters) == 1:
        glued = letters in _MONEY_SIGNS or (len(written) > 1 and letters in "mshgLlNJWV")
        return letters in _SINGLE and (free or glued)
    return free or len(letters) > 2 or letters in _GLUED or not letters.islower()


def _described(written: str) -> tuple[Unit, ...]:
    """Find the unit in `meters long`."""
    words = written.split()
    for end in range(len(words) - 1, 0, -1):
        sure = len(words[end - 1]) > 2 or words[end - 1] in _GLUED - {"in", "am", "pm", "ms"}
        if sure and (units := _units(" ".join(words[:end]))):
            return units
    return ()


def _listed(marked: str, glued: bool) -> Quantity | None:
    """Return the unit that all parts of a list share, or that only the last one has, for all."""
    parts = _AND_COMMA.split(marked)
    if len(parts) < 2 or any(bracket in marked for bracket in "()[]{}="):
        return None
    last = quantity(parts[-1].replace("\0", r"\text"), glued=glued) if "\0" not in marked else None
    if last is None or not last.units:
        return None
    others = [quantity(part, glued=glued) for part in parts[:-1]]
    if any(other.units not in {last.units, ()} or other.is_percent for other in others):
        return None
    return Quantity(", ".join([*(other.value for other in others), last.value]), last.units)


@lru_cache(maxsize=2048)
def _units(written: str) -> tuple[Unit, ...]:
    text = written if written.strip(CURRENCY_SIGNS).isalpha() else written.replace(".", "")
    if " " in text or "°" in text or "²" in text or "³" in text:
        for pattern, replacement in _POWER_WORDS:
            text = pattern.sub(replacement, text)
    factors: list[list[tuple[Counter[str], Fraction]]] = []
    for place, part in enumerate(text.split("/")):
        if _FACTOR.sub("", part).strip(" -*"):
            return ()
        for name, power in _FACTOR.findall(part):
            exponent = int(power or 1) * (-1 if place else 1)
            factors.append([_raised(*found, exponent) for found in measures(name)])
    if not factors or len(factors) > 6:
        return ()
    return tuple(_multiplied(choice) for choice in product(*factors))[:16]


def _raised(kind: str, size: Fraction, exponent: int) -> tuple[Counter[str], Fraction]:
    powers, one = DERIVED.get(kind, ({kind: 1}, Fraction(1)))
    return Counter({name: n * exponent for name, n in powers.items()}), (one * size) ** exponent


def _multiplied(factors: tuple[tuple[Counter[str], Fraction], ...]) -> Unit:
    kind: Counter[str] = Counter()
    size = Fraction(1)
    for powers, factor in factors:
        kind.update(powers)
        size *= factor
    return Unit(frozenset(item for item in kind.items() if item[1]), size)


def _unmarked(text: str) -> str:
    return text.replace("\0", "").strip()
