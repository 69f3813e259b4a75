"""How the report writes figures and changes."""

import re
from difflib import SequenceMatcher

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction of text, or that HTML does not allow."""


def percent(value: float | None) -> str:
    """Write a share as a percentage."""
    return "–" if value is None else f"{100 * value:.1f} %"


def share(value: float) -> str:
    """Write a share beside a chart, where 50.0 % would be one digit too long."""
    return f"{100 * value:.3g} %"


def plain(value: float) -> str:
    """Write a number without needless digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def compact(value: float) -> str:
    """Write a count in at most three digits and a unit."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def compare_words(old: str | None, new: str | None) -> list[tuple[str, str]]:
    """Split two wordings into equal, deleted and new words."""
    before, after = (old or "").split(), (new or "").split()
    pieces = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("same", " ".join(before[a:b])))
            continue
        pieces += [("gone", " ".join(before[a:b]))] if b > a else []
        pieces += [("new", " ".join(after[c:d]))] if d > c else []
    return pieces


def show_controls(text: str) -> str:
    """Make control characters and direction marks visible."""
    return _CONTROLS.sub(lambda found: picture(ord(found[0])), text.replace("\r\n", "\n"))


def picture(code: int) -> str:
    """Write a control character as its Unicode picture, or by its number."""
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
