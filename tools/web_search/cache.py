"""Keep answers in a file, and make equal searches that are in flight once."""

import json
import re
import unicodedata
from pathlib import Path

from training_free_grpo.tools.web_search.provider import (
    Named,
    SearchProvider,
    SearchResult,
    describe_provider,
)
from training_free_grpo.tools.web_search.single_flight import SingleFlight
from training_free_grpo.tools.web_search.store import AnswerStore

_WEEK = 7 * 24 * 3600.0
_OPERATORS = frozenset(["AND", "NOT", "OR"])
# Parts of a name that another run, or another function, has as well.
_PASSING = re.compile(r" at 0x|<lambda>|<locals>")


def cached(
    provider: SearchProvider, path: str | Path, ttl: float = _WEEK, *, name: str | None = None
) -> SearchProvider:
    """Keep the answers of a provider in a SQLite file for `ttl` seconds; errors are not kept.

    Answers are found again under the provider's repr, which names engine and options; a provider
    without a lasting one needs a `name`.
    """
    kept_as = name or describe_provider(provider)
    if name is None and _PASSING.search(kept_as):
        raise ValueError(f"{kept_as} is no lasting name for a cache: pass cached(…, name=…)")
    if not ttl > 0:
        raise ValueError(f"ttl={ttl!r}: give the seconds that an answer is good for, above 0")
    store = AnswerStore(Path(path), ttl)
    flights = SingleFlight()

    def search(query: str, max_results: int) -> list[SearchResult]:
        key = (kept_as, _normalize(query), max_results)

        def find() -> str:
            answer = store.get(key)
            if answer is None:
                answer = json.dumps(provider(query, max_results))
                store.put(key, answer)
            return answer

        # Everyone reads a copy of their own, which they may change.
        results: list[SearchResult] = json.loads(flights.do(key, find))
        return results

    return Named(kept_as, search)


def _normalize(query: str) -> str:
    """Make queries that engines do not tell apart the same; operators are told by their case."""
    words = unicodedata.normalize("NFC", query.encode("utf-8", "replace").decode()).split()
    return " ".join(word if word in _OPERATORS else word.casefold() for word in words)
