"""Choose the lessons that fit a problem, for a library too large for every prompt."""

import logging
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from training_free_grpo.library import active_experiences, list_ids, number, parse_lessons
from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.corpus_search.ranking import fuse
from training_free_grpo.tools.web_search import SearchProvider

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

log = logging.getLogger(__name__)

_LIBRARIES = 4
_QUESTIONS = 64
_CANDIDATES = 100


class Retrieval:
    """Ranks lessons by the words they share with a problem (BM25), or also by embeddings.

    Thread-safe. The indexes of the last few libraries are kept.
    """

    def __init__(self, embeddings: "Embeddings | None" = None) -> None:
        self._embeddings = embeddings
        self._index = lru_cache(_LIBRARIES)(self._make_index)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, or another process, builds its own indexes.
        return Retrieval, (self._embeddings,)

    def choose(self, lessons: str, problem: str, top_k: int, talk: str = "") -> list[str]:
        """Return the ids of `top_k` of the lessons, given as prompts show them, in id order.

        Both the problem and the `talk` around it count. If too few lessons share anything with
        them, the oldest of the others fill up.
        """
        ids = list_ids(lessons)
        if len(ids) <= top_k:
            return ids
        with self._lock:  # all groups of a step need the same index at once
            search = self._index(lessons)
        queries, most = filter(None, (problem, talk)), max(top_k, _CANDIDATES)
        rankings = [[number(found["url"]) for found in search(query, most)] for query in queries]
        ranked = [f"G{found}" for found in fuse(*rankings)]
        return sorted([*ranked, *(id for id in ids if id not in ranked)][:top_k], key=number)

    def _make_index(self, lessons: str) -> SearchProvider:
        passages = []
        for lesson in active_experiences(parse_lessons(lessons)):
            name, colon, rest = lesson["content"].partition(":")
            title, text = (name, rest) if colon else ("", name)
            passages.append({"title": title, "text": text, "url": lesson["id"]})
        return corpus_search(passages, embeddings=self._embeddings)


class TalkRetrieval:
    """Chooses lessons for a deployed agent once per question: each of its turns sees the same.

    If the embeddings fail, words alone decide: a conversation must continue, a training run fails.
    """

    def __init__(self, embeddings: "Embeddings | None" = None) -> None:
        self._embeddings = embeddings
        self._retrieval, self._by_words = Retrieval(embeddings), Retrieval()
        self.choose = lru_cache(_QUESTIONS)(self._choose)

    def __reduce__(self) -> tuple[Any, ...]:
        return TalkRetrieval, (self._embeddings,)

    def _choose(self, lessons: str, question: str, top_k: int, talk: str) -> list[str]:
        try:
            return self._retrieval.choose(lessons, question, top_k, talk)
        except Exception as error:  # noqa: BLE001 - embeddings are anyone's code
            said = f"{type(error).__name__}: {error}"
            log.warning("the embeddings failed, so lessons are chosen by words alone: %s", said)
            return self._by_words.choose(lessons, question, top_k, talk)
