r"""Read JSON in which a model wrote LaTeX without doubling its backslashes.

JSON takes `\frac` for a form feed and "rac", `\neq` for a line break and "eq". Real line breaks
and tabs must stay what they are, so the text that follows decides.
"""

import json
import re
from typing import Any

_ESCAPE = re.compile(r'\\(?:["\\/]|u[0-9a-fA-F]{4}|[bfnrt]|)')
_NAME = re.compile("[a-zA-Z]+")
_TAB = re.compile(
    "t(?:anh?|au|ag|binom|ext(?:bf|color|it|normal|rm|sc|sf|style|tt|up)?|frac|heta|herefore"
    "|hick(?:approx|sim)?|hinspace|ilde|imes|iny|op?|riangle(?:down|q|(?:left|right)(?:eq)?)?"
    "|wohead(?:left|right)arrow)"
)
_LINE = re.compile(
    "n(?:abla|atural|cong|e|earrow|eg|eq|ewcommand|ewline|exists|[gl]eq(?:slant)?|gtr|less|i|mid"
    "|obreak|oindent|olimits|onumber|ormalsize|ot|otin|parallel|sim|u|[vV][dD]ash|warrow"
    "|(?:[lL]eft|[rR]ight|[lL]eftright)arrow|(?:prec|succ)(?:eq)?|su[bp]set(?:eq)?"
    "|triangle(?:left|right)(?:eq)?)"
)
_WORDS = frozenset(["nless", "nparallel", "nsim", "nsubset"])
"""Commands that only math tells from a line that begins with a word."""
_AFTER_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}$")
_LINE_ENDS = re.compile(r"(?:^|[.:;!?,]|\\n)$")
_NO_WORDS = frozenset(["nabla", "natural", "newline", "nexists", "not", "notin"])
"""Commands that leave nothing a line could begin with."""
_ASSIGNED = re.compile(r"\s*[-+*/]?=|\.[a-z]|\[")
"""What follows a variable in code, and hardly ever a symbol outside a formula."""
_NO_OPERAND = re.compile(r'\s*(?:[-+*/]?=|[.,:;)(\[\]"]|\\n)')
"""What cannot follow a relation or a negation."""
_LONE = re.compile(r'\\(?!["\\/nrtu])')
_ROW = re.compile(r"[ \t\n&\d-]|\\n")


def restore_backslashes(text: str) -> str:
    """Double the backslashes of a JSON text that were meant as backslashes."""
    rows = writes_lone(text)

    def write(found: re.Match[str]) -> str:
        escape, end = found[0], found.end()
        if escape == "\\":
            return "\\\\"
        if escape == "\\\\":
            return escape * 2 if rows and _ROW.match(text, end) else escape
        if escape[1] not in "bfnrt":
            return escape
        start = text.rfind('"', 0, found.start()) + 1
        return "\\" + escape if is_latex(text, start, end) else escape

    return _ESCAPE.sub(write, text)


def restore_value(value: Any) -> Any:
    """Restore the backslashes in JSON that was decoded already."""
    if isinstance(value, str):
        return json.loads(restore_decoded(json.dumps(value, ensure_ascii=False)))
    if isinstance(value, list):
        return [restore_value(item) for item in value]
    if isinstance(value, dict):
        return {key: restore_value(item) for key, item in value.items()}
    return value


def restore_decoded(text: str) -> str:
    """Restore one string that was written as JSON again: its backslashes are double already."""
    escaped = text.replace("\\\\", "\\u005c")
    return restore_backslashes(escaped)


def writes_lone(text: str) -> bool:
    r"""Tell whether the backslashes of a text are single throughout: then `\\` ends a row."""
    pairs_gone = text.replace("\\\\", "")
    return bool(_LONE.search(pairs_gone)) and not re.search(r"\\\\[a-zA-Z]", text)


def is_latex(text: str, start: int, end: int) -> bool:
    """Tell whether the escape that ends at `end`, in a string from `start` on, begins a command."""
    letter, before = text[end - 1], text[start : end - 2]
    name = _NAME.match(text, end - 1)
    command = name[0] if name else letter
    if letter in "bf":
        return True
    if letter == "r":
        return len(command) > 1
    if not (_TAB if letter == "t" else _LINE).fullmatch(command):
        return False
    if in_math(before):
        return True
    if letter == "t":
        return command not in ("tan", "tag", "to", "top") or not _AFTER_WORD.search(before)
    if command in _WORDS:
        return False
    if command in _NO_WORDS:
        return True
    if (_ASSIGNED if command == "nu" else _NO_OPERAND).match(text, end - 1 + len(command)):
        return command == "nu" and before.endswith((" ", "(", "{"))
    alone = len(command) == 2 and (_LINE_ENDS.search(before) or _AFTER_WORD.search(before))
    return not alone


def in_math(before: str) -> bool:
    r"""Tell whether a formula is open: after `$`, `\(` or `\[`."""
    before = before.replace("\\u005c", "\\")
    dollars = before.count("$") - before.count("\\$")
    return (
        dollars % 2 == 1
        or before.rfind("\\(") > before.rfind("\\)")
        or before.rfind("\\[") > before.rfind("\\]")
    )
