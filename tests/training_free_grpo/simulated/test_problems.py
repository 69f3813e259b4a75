import pytest

from training_free_grpo.records import Problem
from training_free_grpo.simulated import heldout_problems, passages, training_problems
from training_free_grpo.simulated.families import FAMILIES, recognise

ALL = training_problems() + heldout_problems()


def test_both_sets_are_large_and_share_no_problem() -> None:
    texts = [problem["problem"] for problem in ALL]
    assert len(training_problems()) >= 120
    assert len(heldout_problems()) >= 120
    assert len(set(texts)) == len(texts)


def test_sets_are_the_same_every_time() -> None:
    assert training_problems() == training_problems()
    assert training_problems()[2]["id"] == "sim-train-003"


def test_kinds_take_turns() -> None:
    found = [recognise(problem["problem"]) for problem in training_problems()[: len(FAMILIES)]]
    assert [known[0] for known in found if known] == list(FAMILIES)


def test_every_problem_is_read_by_one_family_only() -> None:
    for problem in ALL:
        readers = [family.kind for family in FAMILIES if family.read(problem["problem"])]
        assert len(readers) == 1, (problem, readers)


def formulas(problem: Problem) -> list[str]:
    known = recognise(problem["problem"])
    assert known
    family, facts = known
    exact = [a.formula for a in family.approaches if a.formula and not a.spread]
    return [str(formula(*facts)) for formula in exact]


def test_at_most_one_formula_gives_the_true_answer() -> None:
    for problem in ALL:
        assert formulas(problem).count(problem["answers"][0]) <= 1, problem


@pytest.mark.parametrize("family", FAMILIES[:10], ids=lambda family: family.kind)
def test_one_formula_is_right_for_every_problem_of_its_kind(family: object) -> None:
    for problem in ALL:
        known = recognise(problem["problem"])
        if known and known[0] is family:
            assert problem["answers"][0] in formulas(problem), problem


def test_corpus_is_large_and_its_titles_differ() -> None:
    titles = [page["title"] for page in passages()]
    assert len(titles) >= 60
    assert len(set(titles)) == len(titles)
