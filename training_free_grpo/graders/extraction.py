r"""Extract the final answer that a response states.

Sources in order of precedence: `<answer>` tags, "final answer" after the last box, `\boxed{}`, a
marker ("The answer is", `####`, `A:`), a response that is nothing but an answer, the last value at
the end. All lengths are bounded, and only the end of a long response is read: a model that repeats
itself must not make a search quadratic.
"""

import re

from training_free_grpo.graders.characters import ascii_spelled
from training_free_grpo.graders.conclusions import (
    FORMULA,
    announced_value,
    concluding_value,
    content,
    is_terse,
    last_value,
    predicate,
)
from training_free_grpo.graders.conclusions import tidy as tidy
from training_free_grpo.graders.hedges import is_negated
from training_free_grpo.graders.languages import ANNOUNCED
from training_free_grpo.graders.wrapping import uncovered, unwrapped

_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,9}\{")
_BOXES = 20
_END = 20_000
_BRACE = re.compile(r"(?<!\\)[{}]")
_TAGGED = re.compile(r"<(?:final_?)?answer>", re.IGNORECASE)
_TAG_END = re.compile(r"</(?:final_?)?answer>", re.IGNORECASE)
_MARKER = re.compile(
    r"####|^[ \t*#>-]{0,20}(?:a|ans|(?:the )?(?:final )?answer)\b[ .]?\**\s?[:=]"
    r"|^[ \t*#>-]{0,20}ans\. |\bfinal answer ?\**:|\b(?:answers?|(?:correct|right) (?:option"
    r"|choice))"
    r" (?:is|are)\b ?:?",
    re.IGNORECASE | re.MULTILINE,
)
_VALUE_IN_WORDS = re.compile(r"\s*[A-Z][a-z]*(?: [^\d\s]+)+.*\d", re.DOTALL)
_MARKER_ABROAD = re.compile(f"{ANNOUNCED}|{_MARKER.pattern}", re.IGNORECASE | re.MULTILINE)
_NAMED = re.compile(r"(?<![A-Za-z\\])([A-Za-z](?:_\d)?)[\s\\()$]*(?:=|\bis\b|:)[\s\\()$]*$")
_NAME_LENGTH = 40
_ONE_SENTENCE = re.compile(r"(?:[^.!?\n]|\n(?!\s*\n)|[.](?=\d))*")
_JOINED = re.compile(r"[\s$\\()]*(?:,|,?\s*(?:and|or|\\text\{ ?(?:and|or) ?\}))[\s$\\()]*")
_GAP_WORDS = 4
_STATED = re.compile(r"[\s:}$]*(-?\s*(?:\\d?frac\{\d+\}\{\d+\}|\d[\d,]*(?:\.\d+)?(?:/\d+)?))")
_SENTENCE = 300
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n[ \t]{0,9}\n")
_FINAL = re.compile(rf"\bfinal answer (?:is\b ?:?|\**:)\s?(?:{FORMULA.pattern})", re.IGNORECASE)
_WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:sqrt|pi|sin|cos|tan|log|ln|exp)(?![A-Za-z]))[A-Za-z]{2,}")


def spoken(response: str) -> str:
    """Return the end of a response for extraction: unwrapped, in one spelling of characters."""
    text = unwrapped(response, _END)
    return text if text.isascii() else uncovered(ascii_spelled(text))


def final_answer(response: str, *, several: bool = False, valued: bool = False) -> str:
    """Extract the final answer of a response; an empty string if it states none.

    Boxes in the last sentence are joined with commas if each is named, as in "x is [box], and y is
    [box]", or if `several` says that a list is expected. A tagged sentence is the answer itself,
    unless `valued` says that the value in it is.
    """
    text = spoken(response)
    tags = list(_TAGGED.finditer(text)) if "<" in text else []
    if tags:
        text = uncovered(_TAG_END.split(text[tags[-1].end() :], maxsplit=1)[0])
    stated = _final(text) or _boxed(text, several)
    if not stated and (marked := _marked(text, several)) is not None:
        return marked
    if tags and not (valued and _VALUE_IN_WORDS.match(text)):
        return stated or tidy(text)
    return stated or _bare(text) or concluding_value(text, several) or (tidy(text) if tags else "")


def value_of_option(letter: str, response: str) -> str:
    """Find the value a response gives an option: beside its letter, or earlier in the sentence."""
    letters = re.finditer(rf"\({letter}\)", response[-_END:], re.IGNORECASE)
    for match in reversed(list(letters)[-_BOXES:]):
        if stated := _STATED.match(match.string, match.end()):
            return stated[1]
        ahead = match.string[max(0, match.start() - _SENTENCE) : match.start()]
        if value := last_value(_SENTENCE_END.split(ahead)[-1]):
            return value
    return ""


def _boxed(text: str, several: bool) -> str:
    contents: list[str] = []
    names: list[str] = []
    gap_end = len(text)
    joined = True
    for match in reversed(list(_BOX.finditer(text))[-_BOXES:]):
        inside, end = _braced(text, match.end())
        if contents and not _stand_together(text[end:gap_end], names[0]):
            break
        if is_negated(text[max(0, match.start() - _NAME_LENGTH) : match.start()]):
            continue
        if contents:
            joined = joined and bool(_JOINED.fullmatch(text[end:gap_end]))
        if tidy(_BOX.sub("", inside)):
            name = _NAMED.search(text, max(0, match.start() - _NAME_LENGTH), match.start())
            names.insert(0, name[1] if name else "")
            contents.insert(0, tidy(inside))
        gap_end = match.start()
    if len(contents) > 1 and all(names):
        return ", ".join(map(" = ".join, zip(names, contents, strict=True)))
    return ", ".join(contents if several or joined else contents[-1:])


def _stand_together(gap: str, name: str) -> bool:
    few = len(_WORD.findall(gap)) <= _GAP_WORDS
    return bool((few or name) and _ONE_SENTENCE.fullmatch(gap))


def _final(text: str) -> str:
    said = list(_FINAL.finditer(text, max(0, text.rfind("\\boxed"))))
    return tidy(content(said[-1])) if said else ""


def _braced(text: str, start: int) -> tuple[str, int]:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start : brace.start()], brace.end()
    return text[start:].partition("\n")[0], len(text)


def _marked(text: str, several: bool) -> str | None:
    markers = list((_MARKER if text.isascii() else _MARKER_ABROAD).finditer(text))
    phrase = text[markers[-1].end() :].lstrip(" :*\n\t") if markers else ""
    if not phrase:
        return None
    ahead = _SENTENCE_END.split(text[: markers[-1].start()][-_SENTENCE:])[-1]
    return announced_value(ahead, phrase, several)


def _bare(text: str) -> str:
    answer = tidy(text)
    whole = "\n" not in answer and not _BOX.search(answer)
    return (predicate(answer) or answer) if whole and is_terse(answer) else ""
