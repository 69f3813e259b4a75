"""Cache answers in a file, and merge equal searches in flight."""

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
# Parts of a name that another run, or another function, may share.
_PASSING = re.compile(r" at 0x|<lambda>|<locals>")


def cached(
    provider: SearchProvider, path: str | Path, ttl: float = _WEEK, *, name: str | None = None
) -> SearchProvider:
    """Cache the answers of a provider in a SQLite file for `ttl` seconds; errors are not cached.

    The key is the provider's repr, which names engine and options; a provider without a stable one
    needs a `name`.
    """
    kept_as = name or describe_provider(provider)
    if name is None and _PASSING.search(kept_as):
        raise ValueError(f"{kept_as} is not a stable name for a cache: pass cached(…, name=…)")
    if not ttl > 0:
        raise ValueError(f"ttl={ttl!r}: pass the seconds that an answer stays valid, above 0")
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

        # Every caller gets a copy of its own, which it may change.
        results: list[SearchResult] = json.loads(flights.do(key, find))
        return results

    return Named(kept_as, search)


def _normalize(query: str) -> str:
    """Normalize queries that engines treat alike; operators depend on case."""
    words = unicodedata.normalize("NFC", query.encode("utf-8", "replace").decode()).split()
    return " ".join(word if word in _OPERATORS else word.casefold() for word in words)
