import pytest

from training_free_grpo.simulated.advice import recommended
from training_free_grpo.simulated.approaches import Approach, Family
from training_free_grpo.simulated.arithmetic import DAYS, FENCE, PERCENTS, SPEED
from training_free_grpo.simulated.families import FAMILIES
from training_free_grpo.simulated.lessons import Lesson, alike, word
from training_free_grpo.simulated.lookups import DIGITS, HISTORY
from training_free_grpo.simulated.prior import COMMONPLACES

CASES = [
    (family, approach, other)
    for family in FAMILIES
    for approach in family.approaches
    for other in family.approaches
    if approach is not other
]


def write(family: Family, approach: Approach, other: Approach) -> str:
    return word(Lesson(family.kind, approach.does, other.does), 32)


@pytest.mark.parametrize(("family", "approach", "other"), CASES)
def test_learned_lesson_is_read_as_it_was_meant(
    family: Family, approach: Approach, other: Approach
) -> None:
    assert recommended(write(family, approach, other), family) is approach


@pytest.mark.parametrize(("family", "approach", "other"), CASES)
def test_learned_lesson_fits_no_other_kind(
    family: Family, approach: Approach, other: Approach
) -> None:
    lesson = write(family, approach, other)
    assert [f.kind for f in FAMILIES if recommended(lesson, f)] == [family.kind]


@pytest.mark.parametrize(
    ("lesson", "family", "does"),
    [
        ("Ends: when posts stand at both ends, add one to the gaps.", FENCE, "add one"),
        ("Dates: if both dates count, subtract and add one.", DAYS, "add one"),
        ("Compound: with two percent changes multiply, never add.", PERCENTS, "multiply"),
        ("Speed: instead of averaging, use total distance over total time.", SPEED, "total"),
        ("Digits: for the digits of a big power run Python code.", DIGITS, "run_python"),
        ("Old towns: search for historical years, do not trust memory.", HISTORY, "search"),
    ],
)
def test_lesson_in_other_words_is_understood(lesson: str, family: Family, does: str) -> None:
    approach = recommended(lesson, family)
    assert approach
    assert does in approach.does


@pytest.mark.parametrize(
    "lesson",
    [
        "Care: be careful and check your work.",
        "Posts: think about the posts before answering.",
        "Percent changes: add the percentages or multiply the factors.",
        *COMMONPLACES,
    ],
)
def test_vague_or_undecided_lesson_recommends_nothing(lesson: str) -> None:
    assert not any(recommended(lesson, family) for family in FAMILIES)


def test_no_two_approaches_to_a_kind_sound_alike() -> None:
    assert not any(alike(approach.does, other.does) for _, approach, other in CASES)
