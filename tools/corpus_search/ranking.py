"""Passages that contain a query's words: BM25, and a boost for titles in the best passages."""

import sqlite3

from training_free_grpo.tools.corpus_search.terms import choose_terms
from training_free_grpo.tools.words import find_words

# A word in the title says more about a passage's subject than one in its text.
_CANDIDATES = """
SELECT id, title, score FROM (
    SELECT rowid, -bm25(words, 1.5, 1.0) AS score FROM words WHERE words MATCH ?
    ORDER BY score DESC, rowid LIMIT ?
) AS hits JOIN passages ON id = hits.rowid ORDER BY score DESC, id
"""
_LEADERS = 3
_LIFT = 0.3
# Shorter names, such as letters or years, occur everywhere.
_SHORTEST_NAME = 4
# The usual constant: the leader of only one ranking ranks below a passage that is good in both.
_DAMPING = 60


def rank_by_words(database: sqlite3.Connection, query: str, most: int) -> list[int]:
    """Return the ids of the passages that match best, best first.

    A question often describes one thing and asks for another, which only the first one's passage
    names: matches whose titles appear in the leaders are boosted.
    """
    terms = choose_terms(database, query)
    if not terms:
        return []
    found: list[tuple[int, str, float]] = database.execute(_CANDIDATES, (terms, most)).fetchall()
    lift = _LIFT * found[0][2]
    leaders = [(_name(title), _text(database, id)) for id, title, _ in found[:_LEADERS]]

    def lifted(candidate: tuple[int, str, float]) -> float:
        _, title, score = candidate
        name = _name(title)
        named = len(name) >= _SHORTEST_NAME and any(
            name != leader and f" {name} " in text for leader, text in leaders
        )
        return score + lift * named

    return [id for id, _, _ in sorted(found, key=lifted, reverse=True)]


def fuse(*rankings: list[int]) -> list[int]:
    """Combine several rankings by the sum of their reciprocal ranks."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, 1):
            scores[id] = scores.get(id, 0.0) + 1 / (_DAMPING + rank)
    return sorted(scores, key=lambda id: scores[id], reverse=True)


def _text(database: sqlite3.Connection, id: int) -> str:
    (text,) = database.execute("SELECT text FROM passages WHERE id = ?", (id,)).fetchone()
    return f" {' '.join(find_words(text))} "


def _name(title: str) -> str:
    """Return how a text would name the subject: the title without its disambiguation."""
    return " ".join(find_words(title.partition(" (")[0]))
