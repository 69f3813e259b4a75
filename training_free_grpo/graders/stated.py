r"""Extract the answer that a response states in words: tagged, in JSON, boxed or announced.

The whole response may be the answer, too. Anything that only wraps an answer is removed: code
fences, special tokens, HTML, quotes, citations.
"""

import ast
import html
import json
import re

from training_free_grpo.graders.abbreviations import is_abbreviation
from training_free_grpo.graders.extraction import final_answer
from training_free_grpo.graders.markers import MARKER

_END = 20_000
_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|\[/?INST\]|<(?:end_of_turn|eos|pad)>")
_HTML = re.compile(
    r"</?(?:p|b|i|u|em|strong|span|div|h[1-6]|code|pre|br|mark)(?:\s[^<>]{0,200})?/?>"
)
_FENCE = re.compile(r"```[\w-]*\n(.{0,5000}?)\n?```", re.DOTALL)
_TAG = re.compile(r"<\s*(?:final[_ -]?)?ans(?:wer)?\s*>", re.IGNORECASE)
_TAG_END = re.compile(r"</\s*(?:final[_ -]?)?ans(?:wer)?\s*>", re.IGNORECASE)
_OBJECT = re.compile(r"(?:\{[^{}]{1,5000}\}|\A\s*\[[^\[\]{}]{1,500}\])(?=\s*(?:```)?\s*\Z)")
_KEYS = ("finalanswer", "answer", "shortanswer", "result", "response", "output", "prediction")
_COMMAND = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|emph)\s?\{([^{}]*)\}")
_ESCAPED = re.compile(r"\\([ &%$#_{}])")
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\(\s*[^()\s]{1,500}\s*\)")
_CITATION = re.compile(r"\s?(?:\[\^?\d+(?:\s?[,–-]\s?\^?\d+)*\]|【[^【】\n]{0,60}】)")
_SOURCE = re.compile(
    r"[ \t]?[(\[](?:sources?|references?|refs?|via|see|cf|according to|from|cited|citation)\b"
    r"[^()\[\]]*[)\]](?=[\s.]*\Z)"
    r"|\n[ \t]{0,20}[*_]{0,3}(?:sources?|references?|explanation|reason(?:ing)?|note|evidence|"
    r"citations?|confidence)\b[*_]*\s*:.*",
    re.IGNORECASE | re.DOTALL,
)
_AROUND = ' \t\r\n*_`"“”„«»「」『』'

_STARRED = re.compile(r"(?<!\S)[A-Za-z]{1,2}\*[\s.]*\Z")
"""A letter with a star that belongs to it, as in the grade A*."""

_NAMED = re.compile(r"(.{1,200}?) (?:is|was) the (?:final |correct |right )?answer", re.DOTALL)
_SAID = re.compile(
    r"(?:I (?:think|believe) (?:that )?)?(?:[Ii]t (?:is|was|would be)|That would be) (?=\S)"
)
_FINAL = re.compile(r"\s*(?:final|as follows|this)\s?:\s*", re.IGNORECASE)
_COPULA = re.compile(
    r"(?<=\S)\s?(?:です|でした|である|だ|입니다|이다|예요|이에요|है|हैं)\s*[。.।]?\s*\Z"
)

_SENTENCE_END = re.compile(
    r"(?<![.!?。！？।])([.!?]{1,5}|[。！？।]{1,5})[\"”’')\]*_]{0,5}(?:(?<=[。！？।])\s*|\s+)(?=\S)"
)
_LONGEST = 20
"""The characters of an abbreviation."""
_PRONOUN = re.compile(
    r"(?:it|he|she|they|this|that|these|those|we|i|you|his|her|its|their|there|both|here)"
    r"(?:['’](?:s|re|m|ve|d)\b|\s+[a-z\d(])",
    re.IGNORECASE,
)
_OPENER = re.compile(
    r"(?:the|a|an|in|on|at|as|for|from|by|with|since|because|however|also|although|while|when|so|"
    r"thus|therefore|but|and|according)\s+[a-z\d(]|(?:source|note|explanation|reason)s?\b:?",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"(?:(?:no|wait|hold on|hmm+|actually|sorry|correction|scratch that|i mean|i meant|rather)\b"
    r"[\s,:;.!…—–-]+)+(?:(?:it['’]s|it is|it should be|that['’]s|i meant?|the answer is)\s+)?",
    re.IGNORECASE,
)
_RETRACTS = re.compile(
    r"\b(?:wait|hold on|hmm+|actually|sorry|correction|scratch that|i mean)", re.I
)
_POLAR = re.compile(r"(yes|no|true|false)\b[*_\"”]*(?:[,;:!—–]|\.(?!\s*\d)|\s-|\Z)", re.IGNORECASE)


def stated_answer(response: str) -> str:
    """Extract the stated answer: tagged, boxed, announced, or the whole response."""
    spoken = _spoken(response)
    if tags := list(_TAG.finditer(spoken)):
        inside = _TAG_END.split(spoken[tags[-1].end() :], maxsplit=1)[0]
        return _boxed(inside) or _announced(inside) or tidy(inside)
    spoken = _unfenced(spoken)
    if "\\boxed" in spoken:
        return _boxed(spoken)
    return _in_object(spoken) or _announced(spoken) or tidy(spoken)


def opening(answer: str) -> str:
    """Return an answer without its reasons and without "It is", or else unchanged."""
    if polar := _POLAR.match(answer):
        return polar[1]
    head, rest = _first_sentence(answer)
    explains = _PRONOUN.match(rest) or _OPENER.match(rest)
    said = head if explains and not _RETRACTS.search(rest) else answer
    return tidy(_SAID.sub("", said, count=1) if _SAID.match(said) else said)


def tidy(text: str) -> str:
    """Strip the surroundings of an answer: spaces, emphasis, quotes, citations, final dots."""
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", _COMMAND.sub(r"\1", text.replace("\\,", " ")))
    text = _SOURCE.sub("", _CITATION.sub("", _LINK.sub(r"\1", text)))
    grade = _STARRED.search(text) if text.count("*") == 1 else None
    text = text.strip(_AROUND).rstrip(".,;:。．").strip(_AROUND) + ("*" if grade else "")
    if (len(text) > 2 and text[0] == text[-1] == "$") or (text[:1], text[-1:]) == ("'", "'"):
        text = text[1:-1]
    return text.strip()


def _spoken(response: str) -> str:
    text = response.rpartition("</think>")[2].partition("<think>")[0][-_END:]
    return html.unescape(_HTML.sub(" ", _SPECIAL.sub("", text)))


def _unfenced(text: str) -> str:
    fenced = _FENCE.findall(text)
    return fenced[-1] if fenced and not _FENCE.sub("", text).strip() else text


def _in_object(text: str) -> str:
    found = _OBJECT.search(text)
    for value in _values(found[0]) if found else ():
        if isinstance(value, str | int | float | list):
            parts = value if isinstance(value, list) else [value]
            return tidy(", ".join(map(_in_words, parts)))
    return ""


def _values(text: str) -> list[object]:
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            named = {re.sub(r"[\W_]", "", str(key)).lower(): each for key, each in value.items()}
            return [named[key] for key in _KEYS if key in named]
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return [value]
    return []


def _in_words(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _boxed(text: str) -> str:
    return tidy(final_answer(text)) if "\\boxed" in text else ""


def _announced(text: str) -> str:
    markers = list(MARKER.finditer(text))
    if markers:
        line = text[markers[-1].end() :].partition("\n")[0]
        return tidy(_COPULA.sub("", _statement(_FINAL.sub("", line, count=1))))
    named = _NAMED.fullmatch(tidy(text))
    return tidy(named[1]) if named else ""


def _statement(line: str) -> str:
    """Cut what follows the sentence that answers, unless it retracts the answer."""
    head, rest = _first_sentence(line)
    taken_back = _taken_back(rest)
    return (rest[taken_back.end() :] or line) if taken_back else head


def _first_sentence(text: str) -> tuple[str, str]:
    for end in _SENTENCE_END.finditer(text):
        rest = text[end.end() :]
        if _ends(text[max(0, end.start() - _LONGEST) : end.start()], end[1], rest):
            return text[: end.end()].rstrip(), rest
    return text, ""


def _taken_back(rest: str) -> re.Match[str] | None:
    found = _TAKEN_BACK.match(rest)
    return found if found and _RETRACTS.search(found[0]) else None


def _ends(before: str, mark: str, rest: str) -> bool:
    if mark[0] in "。！？।":
        return True
    if _taken_back(rest):
        return True
    if rest[0].islower():
        return False
    explains = bool(_PRONOUN.match(rest))
    if mark[0] in "!?":
        return explains
    word = "".join(before.split()[-1:]).lstrip("\"“”'‘’(*_")
    return not is_abbreviation(word) or explains or bool(_OPENER.match(rest))
