r"""What an answer is measured in: `5\text{ cm}`, `$18.90`, `60 mph`, `20%`, `1011_2`."""

import re
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

# By kind: every unit with its other names, and how many of the first unit it is.
_TABLE = {
    "length": {
        "m meter metre": "1",
        "mm millimeter millimetre": "1/1000",
        "cm centimeter centimetre": "1/100",
        "dm decimeter decimetre": "1/10",
        "km kilometer kilometre": "1000",
        "in inch inche": "0.0254",
        "ft foot feet": "0.3048",
        "yd yard": "0.9144",
        "mi mile": "1609.344",
    },
    "time": {
        "s sec second": "1",
        "ms millisecond": "1/1000",
        "min minute": "60",
        "h hr hour": "3600",
        "day": "86400",
        "week": "604800",
    },
    "mass": {
        "g gram": "1",
        "mg milligram": "1/1000",
        "kg kilogram": "1000",
        "oz ounce": "28.349523125",
        "lb pound": "453.59237",
    },
    "volume": {"L l liter litre": "1", "mL ml milliliter millilitre": "1/1000"},
    "speed": {"mph": "1", "kph kmh": "15625/25146"},
    "age": {"month": "1", "year yr": "12", "decade": "120"},
    "dollar": {"$ dollar usd": "1", "¢ cent": "1/100"},
    "euro": {"€ euro eur": "1"},
    "sterling": {"£": "1"},
    "angle": {"° degree deg": "1"},
    "radian": {"rad radian": "1"},
    "celsius": {"°C celsius": "1"},
    "fahrenheit": {"°F fahrenheit": "1"},
    "morning": {"am": "1"},
    "afternoon": {"pm": "1"},
    "force": {"N newton": "1"},
    "energy": {"J joule": "1"},
    "power": {"W watt": "1"},
    "voltage": {"V volt": "1"},
    "frequency": {"Hz hertz": "1"},
}
_UNITS = {
    name: (kind, Fraction(size))
    for kind, units in _TABLE.items()
    for names, size in units.items()
    for name in names.split()
}
# The same as products of powers, so that a liter is 1000 cubic centimeters.
_DERIVED = {
    "volume": (Counter(length=3), Fraction(1, 1000)),
    "speed": (Counter(length=1, time=-1), Fraction("0.44704")),
}
_POWER_WORDS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in [
        (r"\b(?:square|sq)\s+([a-z]+)|([a-z]+)(?:\s+squared|²)", r"\1\2^2"),
        (r"\b(?:cubic|cu)\s+([a-z]+)|([a-z]+)(?:\s+cubed|³)", r"\1\2^3"),
        (r"\bper\b", "/"),
    ]
]
_FACTOR = re.compile(r"([A-Za-z°$€£¢]+)\s*\^?\s*\{?(-?\d)?\}?")

_SET_IN_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal)?|mbox|hbox|math(?:rm|bf|it)|operatorname)\s*"
    r"\{(?!\s*[eid]\s*\})([^{}]*)\}"
)
_DELIMITED = re.compile(r"(?<!\\)\$([^$]*[^$\\])\$")
_SPACE = re.compile(r"(?<!\\)\\[,;: ]|~|\\q?quad(?![A-Za-z])|[\u00a0\u202f]")
_DEGREE = re.compile(r"\^?\s*\\(?:circ|degree)(?![A-Za-z])|\^\s*\{\s*\\circ\s*\}")
_PERCENT = re.compile(r"(?P<value>.*[^\s\\])\s*(?:\\?%|\x00?\s*\b(?:percent|pct)\b)\W*", re.DOTALL)
_PREFIX = re.compile(r"(?P<sign>[-−]?)\s*\\?(?P<unit>[$€£])\s*(?P<value>[\d.].*)", re.DOTALL)
_BASE = re.compile(r"(?P<value>[0-9A-F]+)_\{?(?P<base>\d{1,2})\}?")
_TAIL = r"[A-Za-z°$€£¢][A-Za-z°$€£¢ \x00./^{}\d²³-]*"
_IN_TEXT = re.compile(
    rf"(?P<value>[^\x00]*[^\s\x00(=<>+*/^,-])\s*\x00\s*(?P<unit>{_TAIL})", re.DOTALL
)
_PLAIN = re.compile(
    rf"(?P<value>.*(?:[\d)}}\]]|\d\.|\\pi(?=\s)))(?P<gap>\s*)(?P<unit>{_TAIL})", re.DOTALL
)
_LABEL = re.compile(r"(?:[A-Za-z]{3,}[ .-]*){1,6}(?:\^?\{?\d\}?)?")
# These change the value, so that they are no names of what is counted.
_NO_LABEL = re.compile(
    r"\b(?:and|or|times|plus|minus|over|to|mod|choose|factorial|squared|cubed|below|negative"
    r"|hundred|thousand|million|billion|trillion|dozen|half|halves"
    r"|(?:third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth|hundredth|thousandth)s?)\b",
    re.IGNORECASE,
)
_TRIGONOMETRY = re.compile(r"\\?(?:sin|cos|tan|cot|sec|csc)")


class Unit(NamedTuple):
    """What a unit measures, and the size of one of it."""

    kind: frozenset[tuple[str, int]]
    size: Fraction


class Quantity(NamedTuple):
    """An answer without its unit, and the unit."""

    value: str
    unit: Unit | None = None
    is_percent: bool = False


def quantity(text: str, *, glued: bool = False) -> Quantity:
    """Part an answer from its unit; a word that is no unit, as in `5 apples`, is dropped.

    In `48g` the letter is a variable, unless `glued` says that a unit is expected.
    """
    text = _DELIMITED.sub(r"\1", text.replace("\0", ""))
    marked = _DEGREE.sub("°", _SPACE.sub(" ", text))
    marked = _SET_IN_TEXT.sub("\0\\1", marked).strip().replace("°\0", "\0°")
    if match := _PERCENT.fullmatch(marked):
        return Quantity(_unmarked(match["value"]), None, is_percent=True)
    if match := _PREFIX.fullmatch(marked):
        inside = quantity(match["value"])
        return inside._replace(value=match["sign"] + inside.value, unit=_unit(match["unit"]))
    if match := _BASE.fullmatch(marked):
        return Quantity(
            match["value"], Unit(frozenset({("base", int(match["base"]))}), Fraction(1))
        )
    return _measured(marked, glued) or Quantity(text)


def _measured(marked: str, glued: bool) -> Quantity | None:
    match = _IN_TEXT.fullmatch(marked) or _PLAIN.fullmatch(marked)
    if not match or _TRIGONOMETRY.search(marked):
        return None
    value, written = _unmarked(match["value"]), _unmarked(match["unit"])
    in_text = "\0" in marked
    unit = _unit(written)
    if unit and (in_text or glued or match["gap"] or len(written) > 1 or written in "°$€£¢"):
        return Quantity(value, unit)
    label = _LABEL.fullmatch(written) and not _NO_LABEL.search(written)
    return Quantity(value) if label and (in_text or match["gap"]) else None


def _unit(written: str) -> Unit | None:
    text = written.replace(".", "")
    for pattern, replacement in _POWER_WORDS:
        text = pattern.sub(replacement, text)
    kind: Counter[str] = Counter()
    size = Fraction(1)
    for place, part in enumerate(text.split("/")):
        if _FACTOR.sub("", part).strip(" -"):
            return None
        for name, power in _FACTOR.findall(part):
            found = _named(name)
            if found is None:
                return None
            exponent = int(power or 1) * (-1 if place else 1)
            measures, one = _DERIVED.get(found[0], (Counter({found[0]: 1}), Fraction(1)))
            kind.update({measure: n * exponent for measure, n in measures.items()})
            size *= (one * found[1]) ** exponent
    return Unit(frozenset(item for item in kind.items() if item[1]), size)


def _named(name: str) -> tuple[str, Fraction] | None:
    lower = name.casefold() if len(name) > 1 else name
    return next((_UNITS[n] for n in (name, lower, lower.removesuffix("s")) if n in _UNITS), None)


def _unmarked(text: str) -> str:
    return text.replace("\0", "").strip()
