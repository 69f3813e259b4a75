"""Corpus search: golds among the first five beside plain BM25, time per query, a million passages.

    python benchmarks/corpus.py [--data ../shared/data] [--million]

Both rankings answer the same questions over the same passages in one run. Constants were chosen on
every other HotpotQA question; all other lines are held out.
"""

import argparse
import json
import os
import re
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from training_free_grpo.tools.corpus_search import corpus_search, load_passages

Search = Callable[[str], list[str]]
"""From a query to the titles and texts of five passages."""
Question = tuple[list[str], list[str]]
"""What is searched for, and the answers of which one must be found."""

SETS = ("hotpotqa", "2wiki", "triviaqa", "popqa", "qa_dev_no_overlap")


def read(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def distinct(rows: Iterable[dict[str, Any]], leave_out: Iterable[str] = ()) -> list[Question]:
    """Return each question once; "yes" and "no" stand in no passage as an answer."""
    found: dict[str, list[str]] = {}
    for row in rows:
        golds = [str(gold).lower() for gold in row.get("answers") or [row["gold"]]]
        if not {"yes", "no"} & set(golds) and row["question"] not in leave_out:
            found.setdefault(row["question"], golds)
    return [([question], golds) for question, golds in found.items()]


def load_sets(data: Path) -> dict[str, list[Question]]:
    """Read the questions, tuned on and held out, and queries that agents really made."""
    labelled = read(data / "labelled_qa_r1searcher.jsonl")
    hotpot = distinct(row for row in labelled if row["set"] == "hotpotqa")
    seen = {query for queries, _ in hotpot for query in queries}
    sets = {"labelled HotpotQA, tuned on": hotpot[::2], "labelled HotpotQA, held out": hotpot[1::2]}
    for name in SETS:
        sets[name] = distinct(read(data / f"{name}.jsonl"), seen)
    sets["queries of agents"] = [
        (row["queries"], [str(row["gold"]).lower()])
        for row in read(data / "trajectories_r1searcher.jsonl")
        if str(row["gold"]).lower() not in ("yes", "no")
    ]
    return sets


def count_hits(search: Search, questions: list[Question]) -> int:
    """Count the questions for which a passage found holds an answer as a whole word."""
    hits = 0
    for queries, golds in questions:
        answer = re.compile("|".join(rf"(?<!\w){re.escape(gold)}(?!\w)" for gold in golds))
        hits += any(answer.search(text.lower()) for query in queries for text in search(query))
    return hits


def plain_bm25(passages: Iterable[Any]) -> Search:
    """Search as SQLite does by itself: any word of the query, title and text alike."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE p USING fts5(title, text, tokenize='porter unicode61')")
    rows = ((entry["title"], entry["text"]) for entry in passages)
    database.executemany("INSERT INTO p VALUES (?, ?)", rows)
    top = "SELECT title || char(10) || text FROM p WHERE p MATCH ? ORDER BY rank LIMIT 5"

    def search(query: str) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query.lower()))
        return [text for (text,) in database.execute(top, (words,))]

    return search


class Timed:
    """A corpus that notes how long its searches take."""

    def __init__(self, source: Path, index: Path) -> None:
        started = time.perf_counter()
        self._search = corpus_search(source, index)
        self.built = time.perf_counter() - started
        self._times: list[float] = []

    def __call__(self, query: str) -> list[str]:
        """Search."""
        started = time.perf_counter()
        found = self._search(query, 5)
        self._times.append(time.perf_counter() - started)
        return [f"{result['title']}\n{result['snippet']}" for result in found]

    def report(self) -> str:
        """Say what was measured."""
        times = sorted(self._times)
        p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.99))
        return f"indexed in {self.built:.1f} s; p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(times)}"


def compare(data: Path, folder: Path) -> None:
    """Print the hits of both rankings, set by set."""
    source = data / "wiki_passages_r1searcher.jsonl"
    plain, ours = plain_bm25(load_passages(source)), Timed(source, folder / "wiki.db")
    print(f"{'':30} {'questions':>9} {'plain BM25':>10} {'ours':>5}")
    for name, questions in load_sets(data).items():
        hits = count_hits(plain, questions), count_hits(ours, questions)
        print(f"{name:30} {len(questions):9} {hits[0]:10} {hits[1]:5}")
    print(ours.report())


def make_passages(count: int) -> Iterator[tuple[str, list[str]]]:
    """Make titles and texts of 80 words that are as frequent as Zipf's law says."""
    import numpy as np

    random = np.random.default_rng(0)
    syllables = ["".join(pair) for pair in zip("bdfgklmnprstvz", "aeiouaeiouaeio", strict=True)]
    words = np.array([_spell(number, syllables) for number in range(200_000)])
    shares = np.cumsum(1 / np.arange(1, words.size + 1))
    for number in range(count):
        drawn = words[np.searchsorted(shares, random.random(83) * shares[-1])]
        yield f"{' '.join(drawn[:3])} {number}", list(drawn[3:])


def _spell(number: int, syllables: list[str]) -> str:
    word = ""
    while True:
        number, last = divmod(number, len(syllables))
        word += syllables[last]
        if not number:
            return word


def measure_million(folder: Path, count: int = 1_000_000) -> None:
    """Index a million passages, and search six words of one of them, 300 times."""
    source, index = folder / "million.jsonl", folder / "million.db"
    queries = []
    with source.open("w", encoding="utf-8") as lines:
        for number, (title, words) in enumerate(make_passages(count)):
            lines.write(json.dumps({"title": title, "text": " ".join(words)}) + "\n")
            if number % (count // 300) == 0:
                queries.append(" ".join(words[:6]))
    corpus = Timed(source, index)
    for query in queries:
        corpus(query)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = kilobytes / (1 << 30 if sys.platform == "darwin" else 1 << 20)
    sizes = [path.stat().st_size / (1 << 30) for path in (source, index)]
    print(f"{count:,} passages, {sizes[0]:.2f} GiB, index {sizes[1]:.2f} GiB: {corpus.report()}")
    print(f"peak memory {peak:.2f} GiB")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("TFGRPO_DATA", "../shared/data")
    )
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options.data, Path(folder))
        if options.million:
            measure_million(Path(folder))


if __name__ == "__main__":
    main()
