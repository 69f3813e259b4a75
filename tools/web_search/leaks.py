"""Find results that give away a problem by quoting it together with its answer."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

from training_free_grpo.tools.web_search.provider import SearchProvider, SearchResult

_LENGTH = 10
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
# Chinese and Japanese have no spaces between words: there, every character counts as one.
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")

Problem = tuple[str, str | Iterable[str]]
"""A question and its answer, or several answers, any of which is right."""


def guard_leaks(
    provider: SearchProvider, problems: Iterable[Problem], *, drop: bool = False
) -> SearchProvider:
    """Mark results that quote a question, ten words in a row or all of it, and contain its answer.

    The tool keeps marked results in its artifact but hides them from the model; `drop` removes them
    entirely. Put the guard around a cache, not into one.
    """
    secrets = _Secrets(problems)

    def search(query: str, max_results: int) -> list[SearchResult]:
        results = []
        for result in provider(query, max_results):
            if not secrets.are_in(f"{result['title']}\n{result['snippet']}"):
                results.append(result)
            elif not drop:
                results.append({**result, "leak": True})
        return results

    return search


class _Secrets:
    """Questions by their runs of words, and their answers."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._answers: dict[str, set[str]] = defaultdict(set)
        for question, answers in problems:
            given = [answers] if isinstance(answers, str) else answers
            self._answers[_plain(question)].update(filter(None, map(_plain, given)))
        self._lengths: set[int] = set()
        self._questions: dict[str, str | None] = {}
        for question in self._answers:
            words = question.split()
            length = min(_LENGTH, len(words))
            self._lengths.add(length)
            for run in _runs(words, length):
                # Words that several questions share give none of them away.
                alone = self._questions.setdefault(run, question) == question
                self._questions[run] = question if alone else None

    def are_in(self, text: str) -> bool:
        words = _plain(text).split()
        quoted: dict[str, set[int]] = defaultdict(set)
        for length in self._lengths:
            for start, run in enumerate(_runs(words, length)):
                if question := self._questions.get(run):
                    quoted[question].update(range(start, start + length))
        return any(self._answered(question, words, places) for question, places in quoted.items())

    def _answered(self, question: str, words: list[str], quoted: set[int]) -> bool:
        """Return whether an answer occurs outside the quoted question, which may contain it."""
        rest = " ".join("|" if place in quoted else word for place, word in enumerate(words))
        return any(f" {answer} " in f" {rest} " for answer in self._answers[question])


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _runs(words: list[str], length: int) -> Iterator[str]:
    """Yield the runs of words of a length, in the order of their start."""
    for start in range(len(words) - length + 1):
        yield " ".join(words[start : start + length])
