"""A search provider over your own documents."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training_free_grpo.tools.corpus_search.index import (
    Index,
    Passages,
    index_in_file,
    index_in_memory,
)
from training_free_grpo.tools.corpus_search.passages import load_passages
from training_free_grpo.tools.corpus_search.ranking import fuse, rank_by_words
from training_free_grpo.tools.corpus_search.vectors import find_nearest
from training_free_grpo.tools.web_search import SearchProvider, SearchResult

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

_CANDIDATES = 100


def corpus_search(
    source: str | Path | Passages,
    index: str | Path | None = None,
    *,
    embeddings: "Embeddings | None" = None,
) -> SearchProvider:
    """Make a provider over passages, or over the files of `load_passages`; it is thread-safe.

    Results hold the whole text of a passage. The index is stored in the file `index` and rebuilt
    when the source's files change; without a file it stays in memory, up to 1 GiB. With
    `embeddings`, passages with a similar meaning are found besides those that share words.
    """
    if index is None:
        passages = load_passages(source) if isinstance(source, str | Path) else source
        return _Corpus(index_in_memory(passages, embeddings), embeddings)
    if not isinstance(source, str | Path):
        raise TypeError(f"index={str(index)!r} works only for files: pass their path as source")
    return _Corpus(index_in_file(Path(source), Path(index), embeddings), embeddings)


@dataclass(frozen=True, eq=False, repr=False)
class _Corpus:
    index: Index
    embeddings: "Embeddings | None"

    def __call__(self, query: str, max_results: int) -> list[SearchResult]:
        most = max(max_results, _CANDIDATES)
        with self.index.read() as database:
            found = rank_by_words(database, query, most)
            if self.embeddings is not None:
                found = fuse(found, find_nearest(database, self.embeddings, query, most))
            return [_read(database, id) for id in found[:max_results]]


def _read(database: sqlite3.Connection, id: int) -> SearchResult:
    row = database.execute("SELECT title, url, text FROM passages WHERE id = ?", (id,)).fetchone()
    return SearchResult(title=row[0], url=row[1], snippet=row[2], source="corpus")
