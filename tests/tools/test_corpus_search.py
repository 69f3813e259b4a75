import gc
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training_free_grpo.tools.corpus_search import corpus_search, load_passages
from training_free_grpo.tools.web_search import SearchProvider

PASSAGES = [
    {"title": "Paris", "text": "The capital of France lies on the Seine.", "url": "https://a.test"},
    {"title": "Rome", "text": "The capital of Italy, unlike Paris, lies on the Tiber."},
    {"title": "The Who", "text": "An English rock band."},
    {"title": "Zürich", "text": "Eine Stadt an der Limmat."},
]


@pytest.fixture
def search() -> SearchProvider:
    return corpus_search(PASSAGES)


def titles(search: SearchProvider, query: str, max_results: int = 5) -> list[str]:
    return [result["title"] for result in search(query, max_results)]


def test_a_result_holds_the_whole_passage(search: SearchProvider) -> None:
    assert search("seine", 1) == [
        {
            "title": "Paris",
            "url": "https://a.test",
            "snippet": "The capital of France lies on the Seine.",
            "source": "corpus",
        }
    ]


def test_a_passage_without_an_address_has_an_empty_one(search: SearchProvider) -> None:
    assert search("tiber", 1)[0]["url"] == ""


def test_the_address_is_not_searched(search: SearchProvider) -> None:
    assert titles(search, "https") == []


def test_a_word_in_the_title_counts_more(search: SearchProvider) -> None:
    assert titles(search, "paris") == ["Paris", "Rome"]


def test_any_word_may_match_and_more_matches_rank_higher(search: SearchProvider) -> None:
    assert titles(search, "Which capital lies on the Tiber in Australia?") == ["Rome", "Paris"]


def test_at_most_max_results_are_found(search: SearchProvider) -> None:
    assert len(titles(search, "capital", 1)) == 1


def test_stopwords_do_not_match_on_their_own_beside_other_words(search: SearchProvider) -> None:
    assert titles(search, "who is an emperor") == []


def test_a_query_of_stopwords_only_searches_them(search: SearchProvider) -> None:
    assert titles(search, "the who")[0] == "The Who"


def test_case_accents_and_endings_do_not_matter(search: SearchProvider) -> None:
    assert titles(search, "ZURICH") == ["Zürich"]
    assert titles(search, "bands rocking") == ["The Who"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?!",
        '"',
        "paris AND",
        "NEAR(",
        "title:*",
        "^-+:{}",
        "_ ½ \x00",
        "日本",
        "\ud800",
        "x " * 9999,
    ],
    ids=ascii,
)
def test_any_text_is_a_valid_query(search: SearchProvider, query: str) -> None:
    assert isinstance(search(query, 3), list)


def test_a_long_query_is_searched_by_its_first_words(search: SearchProvider) -> None:
    assert titles(search, "seine " + " ".join(f"word{n}" for n in range(10_000))) == ["Paris"]


def test_threads_share_a_corpus(search: SearchProvider) -> None:
    words = ["seine", "tiber", "rock", "limmat"] * 25
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda word: titles(search, word), words))
    assert found == [["Paris"], ["Rome"], ["The Who"], ["Zürich"]] * 25


def test_a_dropped_corpus_is_closed_without_a_warning() -> None:
    search = corpus_search(PASSAGES)
    search("paris", 1)
    del search
    gc.collect()


def test_passages_are_read_from_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_text("\n\n".join(json.dumps({**passage, "n": 1}) for passage in PASSAGES) + "\n")
    assert list(load_passages(path)) == PASSAGES


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: not a JSON object"),
        ('{"title": "x"}', "line 2: no 'text'"),
        ('{"title": "x", "text": 3}', "line 2: 'text' is not a string"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_text(f"{json.dumps(PASSAGES[0])}\n{line}\n")
    with pytest.raises(ValueError, match=reason):
        list(load_passages(path))
