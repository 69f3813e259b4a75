"""The value that a sentence ends in or announces."""

import re

from training_free_grpo.graders.hedges import (
    corrected,
    is_denied,
    is_doubtful,
    is_withheld,
    without_reason,
    without_remark,
)
from training_free_grpo.graders.moments import MOMENT

# A dollar sign starts a formula only if it touches it, or if LaTeX follows: prices do not count.
FORMULA = re.compile(
    r"\$\$(?P<display>[^$]{1,500})\$\$"
    r"|\\\[(?P<bracket>(?:[^\\]|\\(?!\])){1,500})\\\]"
    r"|\\\((?P<paren>(?:[^\\]|\\(?!\))){1,500})\\\)"
    r"|(?<![\\\w$])\$(?P<inline>(?:[^\s$\\]|\\.)(?:(?:[^$\n\\]|\\.){0,500}(?:[^\s$\\]|\\.))?"
    r"|[^$\n\\]{0,99}\\.(?:[^$\n\\]|\\.){0,500})\$(?!\d)"
)
_SPACE_AT_END = re.compile(r"(?:(?<!\\)\\[,;:! ]|~|\s){1,20}$")
_DISPLAYED = re.compile(r"(?:\$\$([^$]{1,500})\$\$|\\\[((?:[^\\]|\\(?!\])){1,500})\\\])$")
_VALUE = re.compile(
    FORMULA.pattern + r"|\*\*(?P<bold>[^*\n]{1,500})\*\*"
    rf"|(?P<moment>(?<![\w.,])(?:{MOMENT}))"
    r"|(?P<number>(?<![A-Za-z0-9_.,^])(?<!\^\{)[-−]?\s?[$€£]?(?:\d(?:[\d,]*\d)?(?:\.\d+)?"
    r"|\.\d+)(?:/\d+|(?::\d+)+)?"
    r"(?:\s?\\?%)?|(?<![\w\\{^])[-+]?\\(?:infty|emptyset|varnothing)(?![A-Za-z}]))"
)
_EQUALS = re.compile(r"(?<![<>!\\])=|\\approx|≈")
_WORD = re.compile(
    r"(?<![\\A-Za-z])(?!(?:sqrt|pi|sin|cos|tan|log|ln|exp)(?![A-Za-z]))[A-Za-z]{2,}"
    r"|[^\W\d_a-zA-Z]{1,4}"
)
_TERSE_LENGTH = 100
_TERSE_WORDS = 3
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n[ \t]{0,9}\n")
_SENTENCES = re.compile(r"(?:[^.!?]|[.!?](?!\s|$))+[.!?]*")
_RULE = re.compile(r"\s*[-*_=]{3,}\s*")
_ASIDE = re.compile(
    r"\s*(?:\([^()\d]*[A-Za-z]{3}[^()]*\)|\W*(?:confidence|note|checked|source|reference|i hope"
    r"|let me)\b.*)"
    r"[.\s]*",
    re.IGNORECASE,
)
_BETWEEN_VALUES = re.compile(
    r"[\s,$*]*(?:,|\band\b|\bor\b|&)[\s,]*(?:and\b|or\b)?[\s$*]*(?:[A-Za-z](?:_\d)?\s*=\s*)?[$*"
    r"\s]*",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"\b[a-z]{3,}s (?:are|were|equal|measure)\b|,[^,]*\b(?:and|or)\b", re.IGNORECASE
)
_NAME_AHEAD = re.compile(r"[A-Za-z](?:_\d)?\s*=\s*[$*]*$")
_CHOICE = re.compile(
    r"\b(?:option|choice|alternative|letter|answer)(?: is)?:? ?\**\(?([A-J])\)?(?![\w'])"
    r"|(?<![\w'])\(?([A-J])\)? is (?:the )?(?:correct|right|best)\b"
    r"|\b(?:choose|pick|select|chose|go with|going with)(?: option| answer)? \(?([A-J])\)?(?![\w'])"
)
_NOTHING = re.compile(
    r"\bno (?:real |integer |such )?solutions?\b|\bdoes not exist\b|\bundefined\b|\bDNE\b"
    r"|\binfinitely many(?: solutions)?\b|\bempty set\b|\b(?:negative |positive )?infinity\b",
    re.IGNORECASE,
)
_PREDICATE = re.compile(
    r"(?:(?:so|thus|hence|therefore|then),? )?(?:the|it|its|this|that)\b[^\d=<>.]{0,60}?"
    r"\b(?:is|are|equals|was|must be)(?: equal to)? (?!not\b)(?:a |an |the )?([^\d.]+)",
    re.IGNORECASE,
)
_INVERTED = re.compile(
    r"((?!so\b|thus\b|hence\b|therefore\b|this\b|that\b|it\b).{1,40}?) (?:is|are) (?:the|our|my)"
    r" (?:final |correct |right )?(?:answer|solution|result|choice|option)s?\b",
    re.IGNORECASE,
)
_APPOSITION = re.compile(r"([-+$]?\d[\d,]*(?:\.\d+)?%?(?: [a-z]+)?), (?!and\b|or\b)[a-z]{3,} ")
_SUBJECT = re.compile(
    r"(?:So|Thus|Hence|Therefore|Then),? (?:the )?([A-Z][A-Za-z]*)"
    r" (?:is|was|has|had|wins|won|gets|got|comes|came|does|did|runs|earns|finishes)\b"
)


def tidy(text: str) -> str:
    """Strip the surroundings of an answer: spaces, bold, delimiters of mathematics, final dots."""
    if text[-1:].isspace() or "\\" in text[-3:]:
        text = _SPACE_AT_END.sub("", text)
    dots = "..." if text.rstrip().endswith("...") and text.lstrip()[:1].isdigit() else ""
    text = text.lstrip("* \t\n").rstrip("*.,;: \t\n") + dots
    if formula := FORMULA.fullmatch(text):
        return tidy(content(formula))
    return text


def content(match: re.Match[str]) -> str:
    """Return the content of a formula without its delimiters."""
    return next(group for group in match.groups() if group is not None)


def is_terse(text: str) -> bool:
    """Return whether a text is nothing but an answer."""
    if len(text) > _TERSE_LENGTH:
        return False
    words = len(_WORD.findall(text))
    named = not re.search(r"\d", text)
    measured = re.match(r"[-+$(]*\s*[\d.]|[A-Za-z](?:\([A-Za-z]\))?\s*=", text)
    formula = FORMULA.search(text)
    return not words or bool(words <= _TERSE_WORDS and (named or measured) and not formula)


def last_value(text: str) -> str:
    """Return the last value of a text."""
    values = [content(value) for value in _VALUE.finditer(text)]
    return tidy(_EQUALS.split(values[-1])[-1]) if values else ""


def announced_value(ahead: str, phrase: str, several: bool) -> str:
    """Return the value that follows "the answer is", or nothing if the sentence retracts it."""
    line = phrase.partition("\n")[0]
    formula = FORMULA.match(phrase)
    if formula and not _BETWEEN_VALUES.match(phrase, formula.end()):
        rest = phrase[formula.end() :].partition("\n")[0]
        return (
            "" if is_withheld(_SENTENCE_END.split(rest, maxsplit=1)[0]) else tidy(content(formula))
        )
    said = next(iter(_SENTENCES.findall(line)), line)
    sentence = tidy(_SENTENCE_END.split(line, maxsplit=1)[0])
    if is_withheld(f"{ahead} {sentence}") or said.endswith("?"):
        return ""
    if re.match(r"(?:not|n't|never|neither)\b", sentence, re.IGNORECASE):
        replacement = corrected(sentence)
        return announced_value("", replacement, several) if replacement else ""
    if is_terse(sentence):
        return _headed(sentence) or sentence
    value = _VALUE.search(sentence)
    ahead = sentence[: value.start()] if value else ""
    if is_doubtful(sentence, ahead) or is_denied(ahead):
        return sentence
    return _headed(sentence) or _listing(sentence, several=True) or last_value(sentence) or sentence


def concluding_value(text: str, several: bool) -> str:
    """Return the value that a text ends in, unless the text withholds or denies it."""
    # Only the end is a conclusion: an earlier number is often a step, or part of a refusal.
    end = text.strip()
    if displayed := _DISPLAYED.search(end[-_TERSE_LENGTH:]):
        return tidy(_EQUALS.split(content(displayed))[-1])
    lines = [
        line
        for line in end[-4 * _TERSE_LENGTH :].splitlines()
        if line.strip() and not _RULE.fullmatch(line)
    ]
    line = next((line for line in reversed(lines) if not _ASIDE.fullmatch(line)), "")
    if end.endswith(line):  # all of it, whatever its length
        line = end.rpartition("\n")[2]
    if is_withheld(line):
        return ""
    if inverted := _INVERTED.match(line.strip()):
        return tidy(inverted[1])
    sentences = _SENTENCES.findall(line)
    sentence = next((each for each in reversed(sentences) if _VALUE.search(each)), "")
    if not sentence:
        return _worded(line)
    head = without_reason(sentence)
    head = head if _VALUE.search(head) else sentence
    listing = _listing(head, several)
    values = list(_VALUE.finditer(head))
    ahead, shortly = head[: values[0].start()], head[: values[-1].start()]
    after = sentence[values[-1].end() :]
    if is_doubtful(sentence, ahead) or is_denied(ahead if listing else shortly, after):
        return ""
    return listing or last_value(head)


def _headed(sentence: str) -> str:
    """Return the value that a sentence begins with, if only a remark follows."""
    apposition = _APPOSITION.match(sentence)
    head = apposition[1] if apposition else tidy(without_remark(sentence))
    if head == sentence or not is_terse(head):
        return ""
    others = [content(value) for value in _VALUE.finditer(sentence, len(head))]
    restated = len(others) == 1 and re.match(r"\W*which (?:is|equals)\W*", sentence[len(head) :])
    return "" if restated and sentence.endswith(others[0]) else head


def _listing(sentence: str, several: bool) -> str:
    """Join the last values that a sentence lists, if a list is expected or announced."""
    values = list(_VALUE.finditer(sentence))
    listed = values[-1:]
    for value in reversed(values[:-1]):
        if not _BETWEEN_VALUES.fullmatch(sentence, value.end(), listed[0].start()):
            break
        listed.insert(0, value)
    if len(listed) < 2:
        return ""
    named = all(_NAME_AHEAD.search(sentence, 0, value.start()) for value in listed)
    equations = all(_EQUALS.search(content(value)) for value in listed)
    around = sentence[: listed[0].start()] + sentence[listed[0].end() : listed[-1].start()]
    alternatives = re.search(r"\bor\b", sentence[listed[0].end() : listed[-1].start()])
    if not (several or named or equations or alternatives or _LISTED.search(around)):
        return ""
    return ", ".join(tidy(_EQUALS.split(content(value))[-1]) for value in listed)


def _worded(line: str) -> str:
    """Return the answer of a line without numbers: an option, a name, or that there is none."""
    if nothing := _NOTHING.search(line):
        return nothing.group()
    sentence = tidy(line)
    if (
        is_denied(sentence)
        or re.search(r"\bnot\b|n't\b", sentence)
        or len(sentence) > _TERSE_LENGTH
    ):
        return ""
    if subject := _SUBJECT.match(sentence):
        return subject[1]
    return predicate(sentence)


def predicate(sentence: str) -> str:
    """Return what a short sentence says of its subject, or chooses: `It is east` is east."""
    if is_withheld(sentence):
        return ""
    if choices := list(_CHOICE.finditer(sentence)):
        return next(letter for letter in choices[-1].groups() if letter)
    if subject := _INVERTED.match(sentence):
        return tidy(subject[1]) if is_terse(subject[1]) else ""
    found = _PREDICATE.fullmatch(sentence)
    return tidy(found[1]) if found and is_terse(found[1]) else ""
