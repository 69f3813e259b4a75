"""What answers are called: `x = 3`, several of them, and the letters of options."""

import re

_NAME = re.compile(r"(?!\s*\d)[^=<>+*/^-]*(?:[A-Za-z)}]|_\d|[A-Z]\|)\s*")
_INDEX = re.compile(r"_\{[^{}]*=[^{}]*\}")
_MEMBER = re.compile(r"[A-Za-z]\s*\\in(?![A-Za-z])")
_APPROXIMATION = re.compile(r"(?<=[^\s=])\s*(?:\\approx(?![A-Za-z])|≈).*", re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*([A-Za-z](?:_\{?\w+\}?)?)\s*=([^=<>]+)")
_ASKED = re.compile(
    r"\b(?:for|find|of|is|determine|compute|calculate)\s+(?:\$|\\\()?\s*"
    r"([A-Za-z](?:_\{?\w+\}?)?)\s*(?:\$|\\\))?[\s.?]*$",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r"\s*\\(?:text|math)(?:bf|rm|it)?\s*\{([^{}]*)\}")
_OPTION = re.compile(r"\s*(?:\(([A-Ea-e])\)|([A-E])(?:[.)]|$))(?:\s+|(?=\d)|$)(.*)", re.DOTALL)


def is_named(text: str) -> bool:
    """Tell whether an answer is an equation or a membership, rather than a value."""
    return "=" in _INDEX.sub("", text) or bool(_MEMBER.match(text))


def without_name(text: str) -> str:
    """Drop the name from a named value: `x = 3` is 3, `x + y = 3` remains an equation."""
    name, _, value = text.partition("=")
    named = is_named(text) and _NAME.fullmatch(name) and value.strip() and "=" not in value
    return value if named else _MEMBER.sub("", text, count=1)


def concluded(text: str) -> str:
    """Shorten a calculation, `x = 2 + 3 = 5`, to its name and its end."""
    if "," in text or _INDEX.search(text):
        return text
    exact = _APPROXIMATION.sub("", text)
    first, *steps = exact.split("=")
    if len(steps) < 2:
        return exact
    return f"{first}={steps[-1]}" if re.search(r"[A-Za-z]", first) else steps[-1]


def named_values(text: str) -> dict[str, str]:
    """Read a list of assignments, `a = 4, r = 0`; empty for anything else."""
    parts = [_ASSIGNMENT.fullmatch(part) for part in text.split(",")]
    values = {part[1]: part[2].strip() for part in parts if part}
    return values if len(values) == len(parts) else {}


def asked_name(problem: str) -> str | None:
    """Find the single letter that a problem ends by asking for, as in "Solve … for w."."""
    match = _ASKED.search(problem[-200:])
    return match[1] if match else None


def option(text: str) -> tuple[str, str]:
    """Part the letter of an option from its text: `(b) 0.3` is b and 0.3."""
    match = _OPTION.fullmatch(_WRAPPED.sub(r"\1 ", text, count=1).strip())
    return ((match[1] or match[2]).casefold(), match[3].strip()) if match else ("", text)
