from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from langchain_core.embeddings import Embeddings

from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.web_search import SearchProvider, SearchSetupError

MEANINGS = [{"car", "automobile", "vehicle"}, {"doctor", "physician"}, {"cat", "feline"}]
PASSAGES = [
    {"title": "Insurance", "text": "Every automobile needs one."},
    {"title": "Surgery", "text": "The physician is in at nine."},
    {"title": "Pets", "text": "A feline sleeps all day."},
    {"title": "Parking", "text": "A car may stand here."},
]


class Concepts(Embeddings):
    """Counts the words of each meaning, and how many texts it was given."""

    def __init__(self, model: str = "concepts") -> None:
        self.model = model
        self.batches: list[int] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.batches.append(len(texts))
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        words = text.lower().replace(".", "").split()
        return [float(sum(word in meaning for word in words)) for meaning in MEANINGS]


def titles(search: SearchProvider, query: str, max_results: int = 2) -> list[str]:
    return [result["title"] for result in search(query, max_results)]


def test_meaning_finds_what_shares_no_word() -> None:
    assert titles(corpus_search(PASSAGES), "doctor") == []
    assert titles(corpus_search(PASSAGES, embeddings=Concepts()), "doctor", 1) == ["Surgery"]


def test_what_is_near_in_both_ways_comes_first() -> None:
    search = corpus_search(PASSAGES, embeddings=Concepts())
    assert titles(search, "car") == ["Parking", "Insurance"]


def test_passages_are_embedded_once_and_in_batches(tmp_path: Path) -> None:
    source, index = tmp_path / "docs.md", tmp_path / "corpus.db"
    source.write_text("\n".join(f"# Part {n}\nA feline." for n in range(600)))
    built, opened = Concepts(), Concepts()
    corpus_search(source, index, embeddings=built)
    assert len(titles(corpus_search(source, index, embeddings=opened), "cat", 500)) == 500
    assert built.batches == [256, 256, 88]
    assert opened.batches == []


def test_another_model_embeds_again(tmp_path: Path) -> None:
    source, index = tmp_path / "docs.md", tmp_path / "corpus.db"
    source.write_text("A feline.")
    other = Concepts("other")
    for embeddings in (Concepts(), other):
        corpus_search(source, index, embeddings=embeddings)
    assert other.batches == [1]


def test_vectors_of_another_length_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    class Shrinking(Concepts):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[*vector, 0.0] for vector in super().embed_documents(texts)]

    search = corpus_search(PASSAGES, embeddings=Shrinking())
    with pytest.raises(SearchSetupError, match="vectors of 4 numbers and the embeddings make 3"):
        search("cat", 1)


def test_an_outage_of_the_embeddings_is_not_hidden() -> None:
    class Broken(Concepts):
        def embed_query(self, text: str) -> list[float]:
            if text == "car":
                raise ConnectionError("no route")
            return super().embed_query(text)

    with pytest.raises(ConnectionError, match="no route"):
        corpus_search(PASSAGES, embeddings=Broken())("car", 1)


def test_an_empty_corpus_with_embeddings_finds_nothing() -> None:
    assert corpus_search([], embeddings=Concepts())("car", 5) == []


def test_a_search_runs_while_another_waits() -> None:
    met = Barrier(2)

    class Waiting(Concepts):
        def embed_query(self, text: str) -> list[float]:
            if text == "doctor":
                met.wait(60)
            return super().embed_query(text)

    search = corpus_search(PASSAGES, embeddings=Waiting())
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda query: titles(search, query, 1), ["doctor"] * 2))
    assert found == [["Surgery"]] * 2
