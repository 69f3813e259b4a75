r"""Grade the answer to a question of knowledge by its words: right, wrong, or for a judge.

The same words are right; nothing in common is wrong. What lies between, "Obama" for "Barack
Obama" or for "Michelle Obama", words alone cannot tell: it stays undecided.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from training_free_grpo.graders.extraction import final_answer, tidy
from training_free_grpo.records import Grade, Verdict

_ARTICLES = {"a", "an", "the"}
_LATIN_MARKS = 200
"""Combining classes from here on are accents; those below tell letters of other scripts apart."""
_INSIDE = re.compile(r"['’ʻʼ`´]|(?<=\d),(?=\d{3})|\.(?!\d)|(?<=[^\W\d])\.")
"""What a word has inside, or at its end, that is none of it: O'Hara, 1,000, U.S."""
_UNSPACED = "぀-ヿ㐀-鿿"
"""Scripts without spaces, in which every character counts as a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?<!\S)-(?=\d))?(?:(?![{_UNSPACED}])\w)+(?:\.\d+)*")
_MARKER = re.compile(r"\banswer(?: is\b ?:?| ?\**:)[\s*]*(?=\S)", re.IGNORECASE)
# A dot after a single letter is that of an initial: "J. K. Rowling", "U.S. Navy".
_SENTENCE_END = re.compile(r"(?<=\w\w)[.!?](?:\s|$)")
_WORDS_IN_BOX = re.compile(r"\\(?:text|textbf|mathrm)\s?\{([^{}]*)\}")
_END = 20_000
_SHOWN = 120


def grade_qa(response: str, gold: str | Sequence[str]) -> Grade:
    """Grade the answer that a response gives against the expected one, or any of several.

    The reward is None, for a judge to decide, where the answer and an expected one have something
    in common but are not the same, or where no expected answer is known.
    """
    golds = [gold] if isinstance(gold, str) else list(gold)
    answer = stated_answer(response)
    if not tokens(answer):
        return _grade("wrong", "", "The response states no answer.", "extraction")
    shown, expected = _short(answer), " or ".join(map(_short, golds))
    if not golds:
        critique = f"No expected answer is known to check the answer {shown} against."
        return _grade("undecided", answer, critique, "none")
    if any(is_exact(answer, each) for each in golds):
        return _grade("right", answer, f"The answer {shown} is the expected one.", "exact")
    if any(overlaps(answer, each) for each in golds):
        critique = f"Whether the answer {shown} means the expected {expected}, words cannot tell."
        return _grade("undecided", answer, critique, "overlap")
    critique = f"The answer {shown} has nothing of the expected {expected}."
    return _grade("wrong", answer, critique, "overlap")


def stated_answer(response: str) -> str:
    """Take what a response states as its answer: tagged, boxed, announced, or all that it says."""
    spoken = response.rpartition("</think>")[2].partition("<think>")[0][-_END:]
    if "<answer>" in spoken or "\\boxed" in spoken:
        return _WORDS_IN_BOX.sub(r"\1", final_answer(spoken))
    announced = list(_MARKER.finditer(spoken))
    if not announced:
        return tidy(spoken)
    line = spoken[announced[-1].end() :].partition("\n")[0]
    return tidy(_SENTENCE_END.split(line, maxsplit=1)[0])


# A long response is compared with each of many names for the same thing.
@lru_cache(maxsize=64)
def tokens(text: str) -> tuple[str, ...]:
    """Cut a text into words, without case, accents, punctuation and articles.

    SQuAD's normalization, but that 3.5 is not 35, and that "Vitamin A" ends with no article.
    """
    letters = unicodedata.normalize("NFKD", text.replace("−", "-")).casefold()
    plain = "".join(c for c in letters if unicodedata.combining(c) < _LATIN_MARKS)
    words = _WORD.findall(_INSIDE.sub("", plain).replace("_", " "))
    kept = [word for word in words[:-1] if word not in _ARTICLES]
    return tuple(kept + words[-1:] or plain.split())


def is_exact(answer: str, gold: str) -> bool:
    """Tell whether an answer has just the words of the expected one (EM)."""
    return tokens(answer) == tokens(gold)


def covers(text: str, other: str) -> bool:
    """Tell whether a text contains another one, be it within a word (cover-EM)."""
    return " ".join(tokens(other)) in " ".join(tokens(text))


def token_f1(answer: str, gold: str) -> float:
    """Measure how many words an answer and the expected one have in common (F1)."""
    given, expected = Counter(tokens(answer)), Counter(tokens(gold))
    return 2 * (given & expected).total() / ((given.total() + expected.total()) or 1)


def overlaps(answer: str, gold: str) -> bool:
    """Tell whether two answers have a word in common, or one contains the other."""
    return token_f1(answer, gold) > 0 or covers(answer, gold) or covers(gold, answer)


def _grade(verdict: Verdict, answer: str, critique: str, method: str) -> Grade:
    reward = {"right": 1.0, "wrong": 0.0}.get(verdict)
    return Grade(reward=reward, verdict=verdict, extracted=answer, critique=critique, method=method)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
