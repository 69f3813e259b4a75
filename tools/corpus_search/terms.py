"""The terms of a query: significant words and pairs of neighbours, preferably rare."""

import sqlite3
from itertools import islice, pairwise

from training_free_grpo.tools.words import find_words

_STOPWORDS = frozenset(
    find_words(
        "a about an and are as at be been but by can did do does for from had has have how i if "
        "in into is it its of on or s so than that the their them then there these they this "
        "those to was were what when where which who whom whose why will with would you your"
    )
)
# If a whole page is pasted as a query, only its beginning is used.
_MOST = 64
# Ranking costs microseconds per passage that contains a term; counting costs 1 % of that.
_RANKED = 20_000
_COUNTED = 5 * _RANKED
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"


def choose_terms(database: sqlite3.Connection, query: str) -> str:
    """Return the query for the index: any of its terms may match, and more matches rank higher.

    If there are only stopwords, all of them are terms. Terms in very many passages are dropped in
    favour of rarer ones.
    """
    words = find_words(query)
    telling = set(words) - _STOPWORDS or set(words)
    singles = islice(dict.fromkeys(word for word in words if word in telling), _MOST)
    rows = {word: _count(database, word) for word in singles}
    pairs = [
        f"{a} {b}"
        for a, b in islice(dict.fromkeys(pairwise(words)), _MOST)
        if 0 < min(rows.get(a, 0), rows.get(b, 0)) < _COUNTED
    ]
    rows |= {pair: _count(database, pair) for pair in pairs}
    return " OR ".join(_quote(term) for term in _rarest(rows))


def _rarest(rows: dict[str, int]) -> list[str]:
    chosen: list[str] = []
    ranked = 0
    for term in sorted(filter(rows.get, rows), key=lambda term: rows[term]):
        ranked += rows[term]
        if chosen and ranked > _RANKED:
            break
        chosen.append(term)
    return chosen


def _count(database: sqlite3.Connection, term: str) -> int:
    (count,) = database.execute(_COUNT, (_quote(term), _COUNTED)).fetchone()
    return int(count)


def _quote(term: str) -> str:
    return f'"{term}"'
