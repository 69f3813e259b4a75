"""Split a text into parts that fit a budget, in its own order or by relevance to a question."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing

from training_free_grpo.tools.words import TOKENIZER, find_words, spell_out

# About 250 tokens: fine enough to choose by, coarse enough to make sense.
_CHUNK_CHARS = 1000
_BYTES_PER_TOKEN = 4
_MAX_TERMS = 64
_SCHEMA = f"CREATE VIRTUAL TABLE chunks USING fts5(text, tokenize = '{TOKENIZER}')"
_BEST = "SELECT rowid FROM chunks WHERE chunks MATCH ? ORDER BY bm25(chunks), rowid"


def cut(text: str, question: str | None, max_tokens: int) -> list[str]:
    """Split a text into parts of at most about `max_tokens`, at four bytes a token.

    With a question the first part holds the most relevant passages, and so on. Within a part the
    text keeps its order; `[…]` marks text that is in another part.
    """
    chunks = _chunks(text, min(_CHUNK_CHARS, max_tokens))
    order = _by_relevance(chunks, question) if question else range(len(chunks))
    return [_join(chunks, sorted(part)) for part in _parts(chunks, order, max_tokens)]


def _chunks(text: str, size: int) -> list[str]:
    """Split before a heading, or after a paragraph, a line, a sentence or a word."""
    chunks, start = [], 0
    while len(text) - start > size:
        end = _end(text, start, start + size)
        chunks.append(text[start:end])
        start = end
    return [*chunks, text[start:]]


def _end(text: str, start: int, limit: int) -> int:
    middle = (start + limit) // 2
    for mark, kept in (("\n#", 1), ("\n\n", 2), ("\n", 1), (". ", 2), ("。", 1), (" ", 1)):
        if (found := text.rfind(mark, middle, limit)) >= 0:
            return found + kept
    return limit


def _by_relevance(chunks: list[str], question: str) -> list[int]:
    """Order the chunks by BM25, followed by those that share no word with the question."""
    words = dict.fromkeys(find_words(question))
    query = " OR ".join(f'"{word}"' for word in list(words)[:_MAX_TERMS])
    best: list[int] = []
    if query:
        with closing(sqlite3.connect(":memory:")) as database:
            database.execute(_SCHEMA)
            rows = ((number, spell_out(chunk)) for number, chunk in enumerate(chunks))
            database.executemany("INSERT INTO chunks(rowid, text) VALUES (?, ?)", rows)
            best = [number for (number,) in database.execute(_BEST, (query,))]
    return list(dict.fromkeys([*best, *range(len(chunks))]))


def _parts(chunks: list[str], order: Iterable[int], max_tokens: int) -> list[list[int]]:
    parts: list[list[int]] = []
    room = 0
    for number in order:
        cost = len(chunks[number].encode())
        if cost > room:
            parts.append([])
            room = max_tokens * _BYTES_PER_TOKEN
        parts[-1].append(number)
        room -= cost
    return parts


def _join(chunks: list[str], numbers: list[int]) -> str:
    joined, kept = "", set(numbers)
    for number in numbers:
        if joined and number - 1 not in kept:
            joined = f"{joined.rstrip()}\n\n[…]\n\n"
        joined += chunks[number]
    return joined.strip()
