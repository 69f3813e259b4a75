"""Search passages of one's own, offline: BM25 by SQLite's full-text index, in memory."""

import json
import re
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from training_free_grpo.tools.web_search import SearchProvider, SearchResult

_SCHEMA = """
CREATE VIRTUAL TABLE passages USING fts5(title, text, url UNINDEXED, tokenize = 'porter unicode61')
"""
_TOP = """
SELECT title, url, text FROM passages WHERE passages MATCH ?
ORDER BY bm25(passages, 1.5, 1.0) LIMIT ?
"""
# Every term costs time: of a whole page pasted as a query, the beginning has to do.
_MAX_TERMS = 64


def corpus_search(passages: Iterable[Mapping[str, str]]) -> SearchProvider:
    """Index passages of `title`, `text` and perhaps `url`; results hold their whole text.

    Use the provider from any thread. Its memory is freed with it.
    """
    return _Corpus(passages)


def load_passages(path: str | Path) -> Iterator[dict[str, str]]:
    """Read passages from a JSONL file, one by one. Raises ValueError that names a bad line."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _passage(line)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from error


class _Corpus:
    """An index that closes its database when nobody holds it any more."""

    def __init__(self, passages: Iterable[Mapping[str, str]]) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._database.close)
        rows = ((entry["title"], entry["text"], entry.get("url", "")) for entry in passages)
        with self._database:
            self._database.execute(_SCHEMA)
            self._database.executemany("INSERT INTO passages VALUES (?, ?, ?)", rows)

    def __call__(self, query: str, max_results: int) -> list[SearchResult]:
        terms = _terms(query)
        if not terms:
            return []
        with self._lock:
            rows = self._database.execute(_TOP, (terms, max_results)).fetchall()
        return [
            SearchResult(title=title, url=url, snippet=text, source="corpus")
            for title, url, text in rows
        ]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


_STOPWORDS = frozenset(
    _words(
        "a about an and are as at be been but by can did do does for from had has have how i if "
        "in into is it its of on or s so than that the their them then there these they this "
        "those to was were what when where which who whom whose why will with would you your"
    )
)


def _terms(query: str) -> str:
    """Quote the words that carry meaning, any of which may match; all words if none does."""
    words = list(dict.fromkeys(_words(query)))
    telling = [word for word in words if word not in _STOPWORDS] or words
    return " OR ".join(f'"{word}"' for word in telling[:_MAX_TERMS])


def _passage(line: str) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    passage = {key: entry[key] for key in ("title", "text", "url") if key in entry}
    for key in ("title", "text"):
        if key not in passage:
            raise ValueError(f"no {key!r}")
    for key, value in passage.items():
        if not isinstance(value, str):
            raise ValueError(f"{key!r} is not a string")
    return passage
