"""Lessons that fit a problem are chosen by words, and by meaning where embeddings are given."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.embeddings import Embeddings

from training_free_grpo.library import read_library, render_library
from training_free_grpo.library.retrieval import Retrieval

LESSONS = render_library(
    read_library(
        {
            "G0": "Round table: divide the seatings in a row by the seats.",
            "G2": "Fence post: count the gaps and add one for the far end.",
            "G10": "Successive percent: multiply the growth factors.",
            "G11": "Speed without a colon is distance divided by time",
        }
    )
)


class Tasting(Embeddings):
    """Knows two meanings: things to drink, and all else. Counts the texts it was given."""

    def __init__(self) -> None:
        self.texts = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.texts += len(texts)
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [1.0, 0.0] if "tea" in text.lower() or "beverage" in text.lower() else [0.0, 1.0]


@pytest.mark.parametrize(
    ("problem", "id"),
    [
        ("How many posts does a fence of 10 metres need?", "G2"),
        ("A price rises by 10 percent, then by 20 percent.", "G10"),
        ("In how many ways can five sit at a round table?", "G0"),
        ("Find the speed of the train.", "G11"),
    ],
)
def test_lesson_that_shares_words_with_the_problem_is_chosen(problem: str, id: str) -> None:
    assert Retrieval().choose(LESSONS, problem, 1) == [id]


def test_chosen_lessons_stand_in_the_order_of_their_numbers() -> None:
    problem = "A percent of the posts of a fence, in percent of percent"
    assert Retrieval().choose(LESSONS, problem, 2) == ["G2", "G10"]


def test_oldest_lessons_fill_up_where_too_few_have_words_in_common() -> None:
    assert Retrieval().choose(LESSONS, "speed", 3) == ["G0", "G2", "G11"]


def test_problem_that_shares_no_word_gets_the_oldest_lessons() -> None:
    assert Retrieval().choose(LESSONS, 'xyzzy ( * " NEAR', 2) == ["G0", "G2"]


@pytest.mark.parametrize("top_k", [4, 5])
def test_small_library_is_shown_whole(top_k: int) -> None:
    assert Retrieval().choose(LESSONS, "speed", top_k) == ["G0", "G2", "G10", "G11"]


def test_no_lessons_are_chosen_of_none() -> None:
    assert Retrieval().choose("", "speed", 3) == []


def test_embeddings_find_what_shares_no_word() -> None:
    lessons = render_library(read_library({"G0": "Milk: boil it.", "G1": "Tea: name the plant."}))
    assert Retrieval(Tasting()).choose(lessons, "Which beverage is this?", 1) == ["G1"]


def test_library_is_embedded_once_for_all_problems_at_once() -> None:
    embeddings = Tasting()
    retrieval = Retrieval(embeddings)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: retrieval.choose(LESSONS, f"problem {n}", 1), range(40)))
    assert embeddings.texts == 4
