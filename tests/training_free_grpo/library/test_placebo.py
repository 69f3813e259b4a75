"""Lessons of another domain, as long as those they stand for."""

import pytest

from training_free_grpo.library import LibraryError, empty_library, render_library
from training_free_grpo.library.lessons import library_of
from training_free_grpo.library.placebo import describe_placebo, make_placebo
from training_free_grpo.records import Library


def lessons(count: int, words: int, about: str) -> Library:
    return library_of((f"G{n}", f"{about} {n}: " + "word " * words) for n in range(count))


LIBRARY = lessons(5, 20, "Sums")


def contents(library: Library) -> list[str]:
    return [lesson["content"] for lesson in library["experiences"].values()]


@pytest.mark.parametrize("count", [1, 2, 5, 40])
@pytest.mark.parametrize("words", [3, 17, 60])
def test_it_comes_within_half_a_lesson_of_the_length_by_whole_lessons(
    count: int, words: int
) -> None:
    other = lessons(count, words, "Soups")
    placebo = make_placebo(other, LIBRARY)
    assert set(contents(placebo)) <= set(contents(other))
    longest = max(map(len, render_library(other).splitlines())) + 3
    wanted = len(render_library(LIBRARY))
    assert abs(len(render_library(placebo)) - wanted) <= max(longest / 2, longest - wanted)


def test_the_first_lessons_are_taken_in_their_order() -> None:
    other = lessons(40, 20, "Soups")
    assert contents(make_placebo(other, LIBRARY)) == contents(other)[:5]


def test_where_they_are_too_few_they_stand_there_again_under_new_ids() -> None:
    other = lessons(2, 20, "Soups")
    placebo = make_placebo(other, LIBRARY)
    assert contents(placebo) == (contents(other) * 3)[:5]
    assert list(placebo["experiences"]) == ["G0", "G1", "G2", "G3", "G4"]


def test_one_is_there_even_if_it_is_longer_than_the_library() -> None:
    assert len(contents(make_placebo(lessons(3, 500, "Soups"), LIBRARY))) == 1


@pytest.mark.parametrize(
    ("other", "library", "said"),
    [
        (empty_library(), LIBRARY, "the placebo has no lessons"),
        (lessons(2, 5, "Soups"), empty_library(), "the library has no lessons"),
    ],
    ids=["placebo", "library"],
)
def test_an_empty_one_is_refused(other: Library, library: Library, said: str) -> None:
    with pytest.raises(LibraryError, match=said):
        make_placebo(other, library)


def test_one_that_shares_a_lesson_is_refused_whatever_its_case_and_punctuation() -> None:
    shared = contents(LIBRARY)[3].upper().replace(":", " –")
    other = library_of([("G0", "Soups: stir."), ("G1", shared)])
    with pytest.raises(LibraryError, match="1 of the placebo's 2 lessons are also in the library"):
        make_placebo(other, LIBRARY)


def test_both_lengths_are_told() -> None:
    placebo = make_placebo(lessons(40, 20, "Soups"), LIBRARY)
    said = describe_placebo(placebo, LIBRARY)
    assert said == "5 lessons of about 142 tokens, in the place of 5 lessons of about 141 tokens"
