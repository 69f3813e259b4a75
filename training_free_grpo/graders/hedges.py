"""Whether a sentence states, denies or doubts the value in it, or only comments on it."""

import re

from training_free_grpo.graders.languages import DENIED, OPEN

_MARKUP = r"[\s$*\\(\[\"'{]*"
_DENIAL = re.compile(
    r"(?:\b(?:not|never|no longer|cannot|can't|neither|nor)|n't|\\neq?)\s*"
    rf"(?:(?:be|equal|equals|to|exactly|simply|the|answer|number|value|a"
    rf"|an)\b\s*){{0,4}}{_MARKUP}$",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:do not|don't|did not|didn't) know\b|\b(?:not|un)[ -]?sure\b|\bno idea\b"
    r"|\b(?:i|we) (?:can ?not|can't|could not|couldn't|do not|don't|am (?:not able|unable)"
    r"|are unable)"
    r" (?:to )?(?:solve|answer|determine|find|tell|say|compute|see|figure|provide|give)\b"
    r"|\bunable to\b|\bimpossible to (?:say|tell|know|determine)\b|\bgive up\b|\bonly guess\b"
    r"|\bcan(?:not|'t) be (?:determined|solved|found|answered|known)\b"
    r"|\b(?:not enough|insufficient) (?:information|data)\b|\bno (?:final )?answer\b"
    r"|\bimpossible (?:for|that|to be)\b|\bdoubt\b|\bunlikely\b|\b(?:do not|don't|cannot|can't"
    r"|could not) (?:think|believe"
    r"|conclude|say"
    r"|claim|assume|confirm|prove)\b",
    re.IGNORECASE,
)
_RETRACTION = re.compile(
    r"\b(?:but|although|though|however)\b[^.!?]{0,40}\b(?:wrong|incorrect|mistaken?|not right"
    r"|not correct|doesn't work|does not work|false|fails)\b"
    r"|\b(?:is|was|are|be|seems) (?:clearly |obviously )?(?:wrong|incorrect|a mistake|not correct"
    r"|not right|impossible|false)\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"(?:\b(?:could|might|may) (?:the \w+ |it |this |that )?be(?: \w+){0,2}|\bperhaps|\bmaybe"
    r"|\bpossibly"
    rf"|\bone of(?: \w+)?|\bbetween|\bsomewhere(?: \w+){{0,2}})\s+{_MARKUP}$",
    re.IGNORECASE,
)
_OFFERED = re.compile(r"\b(?:options|choices|candidates) (?:are|were)\b", re.IGNORECASE)
_BOUND = re.compile(
    r"\b(?:at (?:least|most)|(?:more|less|greater|fewer|larger|smaller|bigger) than|above|below"
    r"|under|^over|(?<=is )over|(?<=are )over|up to|no (?:more|less|fewer) than|anything but"
    r"|other than|except|between|almost"
    rf"|nearly|not)\s+{_MARKUP}$",
    re.IGNORECASE,
)
_PROSE = r"(?<![\\A-Za-z])(?!(?:sin|cos|tan|log|exp|sqrt|arc)(?![a-z]))[A-Za-z]{3}"
_REMARK = re.compile(
    rf"\s*(?:\s\((?=[^()]*{_PROSE})|[,;]?\s*\b(?:because|since|rather than|instead of|(?:and "
    rf"|but )?not"
    r"|as (?:the|we|it|shown|required|expected|desired|\d)|compared|up from|down from"
    r"|given that|so that"
    r"|where|when|whenever|provided|assuming|for (?:all|any|every)|which (?:is|are|means|makes"
    r"|gives)"
    r"|i\.e|e\.g|see)\b|[,;-]\s+(?:that|this|it|they|so|and so|while|but|and (?:the|it|this"
    r"|we))\b)",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"[\s$*)]*(?:is|was|are)(?: \w+ly)? not\b|[\s$*)]*(?:is|was|are|can)n't\b|[\s$*)]*cannot\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    rf"\s(?:\((?=[^()]*{_PROSE})|(?:because|since|rather than|instead of|not|as (?=\d))\b)"
    rf"|,\s+(?:I|we|you)\b",
    re.IGNORECASE,
)
_CORRECTED = re.compile(
    r"\b(?:but(?: rather)?|rather|instead|it is|it's|it must be)\b:?\s*", re.IGNORECASE
)


def is_withheld(text: str) -> bool:
    """Return whether a text refuses to answer, or retracts what it said."""
    return bool(_REFUSAL.search(text) or _RETRACTION.search(text) or DENIED.search(text))


def is_doubtful(sentence: str, ahead: str) -> bool:
    """Return whether a sentence asks a question, or the words before a value make it uncertain."""
    return (
        sentence.rstrip(" *$\"'").endswith("?")
        or bool(_DOUBT.search(ahead) or _OFFERED.search(ahead))
        or bool(OPEN.search(sentence))
    )


def is_negated(before: str) -> bool:
    """Return whether the words before a value deny it."""
    return bool(_DENIAL.search(before))


def is_denied(before: str, after: str = "") -> bool:
    """Return whether the words around a value deny it, or make it only a bound."""
    return bool(_DENIAL.search(before) or _BOUND.search(before) or _DENIED_AFTER.match(after))


def without_remark(sentence: str) -> str:
    """Drop what is said about a value after it: `16, not 15` becomes 16."""
    remark = _REMARK.search(sentence, 1)
    return sentence[: remark.start()] if remark else sentence


def without_reason(sentence: str) -> str:
    """Drop the reason at the end of a sentence: `It is 16 because 4 times 4 is` becomes 16."""
    reason = _REASON.search(sentence, 1)
    return sentence[: reason.start()] if reason else sentence


def corrected(phrase: str) -> str:
    """Return what a denial offers instead of what it denies: `not 5 but 6` is 6."""
    places = list(_CORRECTED.finditer(phrase))
    return phrase[places[-1].end() :] if places else ""
