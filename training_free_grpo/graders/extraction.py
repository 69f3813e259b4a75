r"""Where a response states its final answer.

Looked for in this order: `<answer>` tags, "final answer" after the last box, `\boxed{}`, a marker
("The answer is", `####`, `A:`), a response that is nothing but an answer, the last value at the
end. All lengths are bounded, and only the end of a long response is read: a model that repeats
itself must not turn a search into a quadratic one.
"""

import re

_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,9}\{")
_BOXES = 20
_END = 20_000
_BRACE = re.compile(r"(?<!\\)[{}]")
_MARKER = re.compile(
    r"####|^[ \t*#>-]{0,20}(?:a|(?:the )?(?:final )?answer) ?\**\s?[:=]"
    r"|\bfinal answer ?\**:|\banswer is\b ?:?",
    re.IGNORECASE | re.MULTILINE,
)
_NAMED = re.compile(r"(?<![A-Za-z\\])([A-Za-z](?:_\d)?)[\s\\()$]*(?:=|\bis\b|:)[\s\\()$]*$")
_NAME_LENGTH = 40
_ONE_SENTENCE = re.compile(r"(?:[^.!?\n]|\n(?!\s*\n)|[.](?=\d))*")
_GAP_WORDS = 4
_STATED = re.compile(r"[\s:}$]*(-?\s*(?:\\d?frac\{\d+\}\{\d+\}|\d[\d,]*(?:\.\d+)?(?:/\d+)?))")
_SENTENCE = 300
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n[ \t]{0,9}\n")
# A dollar sign opens mathematics only where it hugs it, or where LaTeX follows: prices do not.
_FORMULA = re.compile(
    r"\$\$(?P<display>[^$]{1,500})\$\$"
    r"|\\\[(?P<bracket>(?:[^\\]|\\(?!\])){1,500})\\\]"
    r"|\\\((?P<paren>(?:[^\\]|\\(?!\))){1,500})\\\)"
    r"|(?<![\\\w$])\$(?P<inline>(?:[^\s$\\]|\\.)(?:(?:[^$\n\\]|\\.){0,500}(?:[^\s$\\]|\\.))?"
    r"|[^$\n\\]{0,99}\\.(?:[^$\n\\]|\\.){0,500})\$(?!\d)"
)
_DISPLAYED = re.compile(r"(?:\$\$([^$]{1,500})\$\$|\\\[((?:[^\\]|\\(?!\])){1,500})\\\])$")
_FINAL = re.compile(rf"\bfinal answer (?:is\b ?:?|\**:)\s?(?:{_FORMULA.pattern})", re.IGNORECASE)
_VALUE = re.compile(
    _FORMULA.pattern + r"|\*\*(?P<bold>[^*\n]{1,500})\*\*"
    r"|(?P<number>(?<![\w.,])[-−]?\s?[$€£]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:/\d+)?(?:\s?\\?%)?)"
)
_EQUALS = re.compile(r"(?<![<>!\\])=|\\approx|≈")
_WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:sqrt|pi|sin|cos|tan|log|ln|exp)(?![A-Za-z]))[A-Za-z]{2,}")
_TERSE_LENGTH = 100
_TERSE_WORDS = 3


def final_answer(response: str, *, several: bool = False) -> str:
    """Take the final answer from a response; an empty string where it states none.

    Boxes that share the last sentence are joined with commas where each is named, as in "x is
    [box], and y is [box]", or where `several` says that a list is expected.
    """
    text = _after_thinking(response)
    if "<answer>" in text:
        inside = text.rpartition("<answer>")[2].partition("</answer>")[0]
        return _boxed(inside, several) or _marked(inside) or tidy(inside)
    return (
        _final(text) or _boxed(text, several) or _marked(text) or _bare(text) or _concluding(text)
    )


def value_of_option(letter: str, response: str) -> str:
    """Find the value a response gives an option: beside its letter, or ahead in the sentence."""
    letters = re.finditer(rf"\({letter}\)", response[-_END:], re.IGNORECASE)
    for match in reversed(list(letters)[-_BOXES:]):
        if stated := _STATED.match(match.string, match.end()):
            return stated[1]
        ahead = match.string[max(0, match.start() - _SENTENCE) : match.start()]
        if value := _last_value(_SENTENCE_END.split(ahead)[-1]):
            return value
    return ""


def tidy(text: str) -> str:
    """Strip what surrounds an answer: spaces, bold, delimiters of mathematics, final dots."""
    text = text.lstrip("* \t\n").rstrip("*.,;: \t\n")
    if formula := _FORMULA.fullmatch(text):
        return tidy(_content(formula))
    return text


def _after_thinking(response: str) -> str:
    spoken = response.rpartition("</think>")[2]
    return spoken.partition("<think>")[0][-_END:]


def _boxed(text: str, several: bool) -> str:
    contents: list[str] = []
    names: list[str] = []
    gap_end = len(text)
    for match in reversed(list(_BOX.finditer(text))[-_BOXES:]):
        content, end = _braced(text, match.end())
        if contents and not _stand_together(text[end:gap_end], names[0]):
            break
        if tidy(_BOX.sub("", content)):
            name = _NAMED.search(text, max(0, match.start() - _NAME_LENGTH), match.start())
            names.insert(0, name[1] if name else "")
            contents.insert(0, tidy(content))
        gap_end = match.start()
    if len(contents) > 1 and all(names):
        return ", ".join(map(" = ".join, zip(names, contents, strict=True)))
    return ", ".join(contents if several else contents[-1:])


def _stand_together(gap: str, name: str) -> bool:
    few = len(_WORD.findall(gap)) <= _GAP_WORDS
    return bool((few or name) and _ONE_SENTENCE.fullmatch(gap))


def _final(text: str) -> str:
    said = list(_FINAL.finditer(text, max(0, text.rfind("\\boxed"))))
    return tidy(_content(said[-1])) if said else ""


def _braced(text: str, start: int) -> tuple[str, int]:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start : brace.start()], brace.end()
    return text[start:].partition("\n")[0], len(text)


def _marked(text: str) -> str:
    markers = list(_MARKER.finditer(text))
    if not markers:
        return ""
    phrase = text[markers[-1].end() :].lstrip(" :*\n\t")
    if formula := _FORMULA.match(phrase):
        return tidy(_content(formula))
    sentence = tidy(_SENTENCE_END.split(phrase.partition("\n")[0], maxsplit=1)[0])
    return sentence if _is_terse(sentence) else _last_value(sentence) or sentence


def _bare(text: str) -> str:
    answer = tidy(text)
    whole = "\n" not in answer and not _BOX.search(answer)
    return answer if whole and _is_terse(answer) else ""


def _concluding(text: str) -> str:
    # Only the end concludes: a number further up is often a step, or stands in a refusal.
    end = text.strip()
    if displayed := _DISPLAYED.search(end[-_TERSE_LENGTH:]):
        return tidy(_EQUALS.split(_content(displayed))[-1])
    return _last_value(end.rpartition("\n")[2])


def _is_terse(text: str) -> bool:
    if len(text) > _TERSE_LENGTH:
        return False
    words = len(_WORD.findall(text))
    named = not re.search(r"\d", text)
    measured = re.match(r"[-+$(]*\s*[\d.]|[A-Za-z](?:\([A-Za-z]\))?\s*=", text)
    formula = _FORMULA.search(text)
    return not words or bool(words <= _TERSE_WORDS and (named or measured) and not formula)


def _last_value(line: str) -> str:
    values = [_content(value) for value in _VALUE.finditer(line)]
    return tidy(_EQUALS.split(values[-1])[-1]) if values else ""


def _content(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)
