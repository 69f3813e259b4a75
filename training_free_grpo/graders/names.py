"""Names of answers: `x = 3`, several of them, and the letters of options."""

import re

_NAME = re.compile(
    r"(?!\s*\d)(?:[^=<>+*/^-]*(?:[A-Za-z)}']|_\d|[A-Z}]\||\\\|)"
    r"|[A-Za-z]+\^\{?-1\}?\([^()]*\)|[A-Za-z]+\s*(?:\([^()]*\)|\[[^\[\]]*\]))\s*"
)
_BRACKET = re.compile(r"[(\[{}\])=]")
_LETTER = re.compile(r"\s*[A-Za-z]\s*")
_INDEX = re.compile(r"_\{[^{}]*=[^{}]*\}")
_MEMBER = re.compile(r"[A-Za-z]\s*\\in(?![A-Za-z])")
_APPROXIMATION = re.compile(r"(?<=[^\s=])\s*\\approx(?![A-Za-z]).*", re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*([A-Za-z](?:_\{?\w+\}?)?)\s*=([^=<>]+)")
_ASKED = re.compile(
    r"\b(?:for|find|of|is|determine|compute|calculate)\s+(?:\$|\\\()?\s*"
    r"([A-Za-z](?:_\{?\w+\}?)?)\s*(?:\$|\\\))?[\s.?]*$",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r"\s*\\(?:text|math)(?:bf|rm|it)?\s*\{([^{}]*)\}")
_OPTION = re.compile(
    r"\s*(?:\(([A-Ea-e])\)|([A-E])(?:[.):]| [-–](?= )|$))(?:\s+|(?=\d)|$)(.*)", re.DOTALL
)
_CHOSEN = re.compile(
    r"(?:(?:the )?(?:correct |right |best )?(?:option|choice|answer|alternative"
    r"|letter)(?: is)?:?\s*)"
    r"[(\[{]?([A-J])[)\]}]?(?!\s*[=+*/^<>-]|\s+(?:is|are|was|were|cannot|can|does)\b)(?:[.:)]?\s+(.*))?|\[([A-J])\]()"
    r"|[(\[]?([A-J])[)\]]?,? (?:is|are) (?:the )?(?:correct|right|true|best)(?: answer| option"
    r"| choice)?()",
    re.IGNORECASE | re.DOTALL,
)


def is_named(text: str) -> bool:
    """Return whether an answer is an equation or a membership, rather than a value."""
    return len(_sides(_INDEX.sub("", text))) > 1 or bool(_MEMBER.match(text))


def without_name(text: str) -> str:
    """Drop the name from a named value: `x = 3` is 3, `x + y = 3` remains an equation."""
    sides = _sides(text) if "=" in text else []
    if len(sides) == 2 and all(sides):
        name, value = sides
        if _NAME.fullmatch(name):
            return value
        if _LETTER.fullmatch(value):
            return name
    return _MEMBER.sub("", text, count=1)


def concluded(text: str) -> str:
    """Shorten a calculation, `x = 2 + 3 = 5`, to its name and its end."""
    if "=" not in text and "approx" not in text:
        return text
    if "," in text or "\\begin" in text or _INDEX.search(text):
        return text
    exact = _APPROXIMATION.sub("", text)
    first, *steps = _sides(exact)
    if len(steps) < 2:
        return exact
    return f"{first}={steps[-1]}" if re.search(r"[A-Za-z]", first) else steps[-1]


def _sides(text: str) -> list[str]:
    """Split an equation at its signs outside of brackets: `P(X=1) = 0.5` has two sides."""
    if "(" not in text and "{" not in text and "[" not in text:
        return text.split("=")
    sides = []
    depth = start = 0
    for sign in _BRACKET.finditer(text):
        if sign.group() == "=":
            if depth <= 0:
                sides.append(text[start : sign.start()])
                start = sign.end()
        else:
            depth += 1 if sign.group() in "([{" else -1
    return [*sides, text[start:]]


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
    """Split the letter of an option from its text: `(b) 0.3` is b and 0.3."""
    bare = _WRAPPED.sub(r"\1 ", text, count=1).strip() if "\\" in text else text.strip()
    if match := _OPTION.fullmatch(bare):
        return (match[1] or match[2]).casefold(), match[3].strip()
    if len(bare) > 2 and (match := _CHOSEN.fullmatch(bare.rstrip("."))):
        letter, *rest = (group for group in match.groups() if group is not None)
        return letter.casefold(), "".join(rest).strip()
    return "", text
