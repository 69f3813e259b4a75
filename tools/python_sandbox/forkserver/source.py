"""Read a program as models write it: with prompts, fences, and word processors' characters."""

import ast
import re
from collections.abc import Callable

_MOST_REPAIRS = 200
_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(\w*)[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE
)
_LANGUAGES = ("", "python", "py", "python3", "pycon", "ipython")
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)")
_FOREIGN = re.compile(r"invalid (?:non-printable )?character (?:'.' \()?U\+([0-9A-F]{4,6})")
_MEANT = {
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007", " "),
    **dict.fromkeys("\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    **dict.fromkeys("\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad", ""),
    **dict.fromkeys("−–—‐‑", "-"),
    **{"×": "*", "∗": "*", "·": "*", "÷": "/", "∕": "/", "≤": "<=", "≥": ">=", "≠": "!="},
}
_SPACES = str.maketrans({character: plain for character, plain in _MEANT.items() if plain in " "})
_INDENTATION = re.compile(r"^[^\S\n]+|^[\ufeff\u200b-\u200f\u2060\u00ad]+", re.MULTILINE)
_QUOTES = {"“": "”“", "”": "”“", "„": "“”", "‘": "’‘", "’": "’‘"}


def read(source: str, name: str) -> tuple[str, ast.Module]:
    """Parse a program; first repair one that is invalid only in how it is written.

    Raises the SyntaxError of the original program.
    """
    source = source.removeprefix("\ufeff")
    try:
        return source, ast.parse(source, name)
    except SyntaxError as error:
        for repair in _REPAIRS:
            repaired = repair(source)
            if repaired != source:
                try:
                    repaired = _without_foreign_characters(repaired)
                    return repaired, ast.parse(repaired, name)
                except SyntaxError:
                    continue
        raise error


def _without_foreign_characters(source: str) -> str:
    """Replace characters that Python rejects, where it rejects them: strings keep theirs."""
    for _ in range(_MOST_REPAIRS):
        try:
            ast.parse(source)
        except SyntaxError as error:
            repaired = _replace_at(source, error)
            if repaired == source:
                break
            source = repaired
        else:
            break
    return source


def _replace_at(source: str, error: SyntaxError) -> str:
    found = _FOREIGN.match(error.msg)
    if not found or not error.lineno:
        return source
    lines = source.split("\n")
    line = lines[error.lineno - 1]
    character = chr(int(found[1], 16))
    place = line.find(character, max(0, (error.offset or 1) - 1))
    place = place if place >= 0 else line.find(character)
    if place < 0:
        return source
    if not line[:place].strip():
        return _INDENTATION.sub(lambda spaces: spaces[0].translate(_SPACES), source)
    if character in _QUOTES:
        line = _straighten(line, place)
    else:
        meant = _MEANT.get(character) or ("" if character in _MEANT else _narrow(character))
        line = line[:place] + meant + line[place + 1 :]
    lines[error.lineno - 1] = line
    return "\n".join(lines)


def _straighten(line: str, place: int) -> str:
    """Replace a pair of curly quotes by straight ones."""
    quote = '"' if line[place] in "“”„" else "'"
    ends = [at for end in _QUOTES[line[place]] if (at := line.find(end, place + 1)) >= 0]
    if not ends:
        return line
    end = min(ends)
    return line[:place] + quote + line[place + 1 : end] + quote + line[end + 1 :]


def _narrow(character: str) -> str:
    """Return the ASCII equivalent of a full-width character, or else the character."""
    code = ord(character) - 0xFEE0
    narrow = {"，": ",", "。": ".", "、": ",", "【": "[", "】": "]"}
    return chr(code) if 0x21 <= code <= 0x7E else narrow.get(character, character)


def _without_fences(source: str) -> str:
    blocks = [code for language, code in _FENCE.findall(source) if language.lower() in _LANGUAGES]
    return "\n".join(blocks) if blocks else source


def _without_prompts(source: str) -> str:
    """Keep the input lines of an interactive session, without its output."""
    lines = source.split("\n")
    if not any(_PROMPT.match(line) for line in lines):
        return source
    return "\n".join(_PROMPT.sub("", line, count=1) for line in lines if _PROMPT.match(line))


def _unwrapped(source: str) -> str:
    return _without_prompts(_without_fences(source))


_REPAIRS: tuple[Callable[[str], str], ...] = (
    _without_foreign_characters,
    _without_fences,
    _without_prompts,
    _unwrapped,
)
