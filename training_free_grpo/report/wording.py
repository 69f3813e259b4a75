"""How the report writes figures and changes."""

from difflib import SequenceMatcher


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
    """Cut two wordings into what is the same, what is gone and what is new."""
    before, after = (old or "").split(), (new or "").split()
    pieces = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("same", " ".join(before[a:b])))
            continue
        pieces += [("gone", " ".join(before[a:b]))] if b > a else []
        pieces += [("new", " ".join(after[c:d]))] if d > c else []
    return pieces
