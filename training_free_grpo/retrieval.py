"""Choose the lessons that fit a problem, where a library has grown too large for every prompt."""

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from training_free_grpo.library import active_experiences, list_ids, number, parse_lessons
from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.web_search import SearchProvider

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

_LIBRARIES = 4


class Retrieval:
    """Ranks lessons by the words they share with a problem (BM25); with embeddings by both.

    Use it from any thread. The indexes of the last few libraries are kept.
    """

    def __init__(self, embeddings: "Embeddings | None" = None) -> None:
        self._embeddings = embeddings
        self._index = lru_cache(_LIBRARIES)(self._make_index)
        self._lock = threading.Lock()

    def choose(self, lessons: str, problem: str, top_k: int) -> list[str]:
        """Return the ids of `top_k` of the lessons, given as prompts show them, in id order.

        Where fewer have anything in common with the problem, the oldest of the others fill up.
        """
        ids = list_ids(lessons)
        if len(ids) <= top_k:
            return ids
        with self._lock:  # all groups of a step want the same index at once
            search = self._index(lessons)
        found = [result["url"] for result in search(problem, top_k)]
        return sorted([*found, *(id for id in ids if id not in found)][:top_k], key=number)

    def _make_index(self, lessons: str) -> SearchProvider:
        passages = []
        for lesson in active_experiences(parse_lessons(lessons)):
            name, colon, rest = lesson["content"].partition(":")
            title, text = (name, rest) if colon else ("", name)
            passages.append({"title": title, "text": text, "url": lesson["id"]})
        return corpus_search(passages, embeddings=self._embeddings)
