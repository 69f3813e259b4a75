"""What is found when the rows of a set are read together."""

from typing import Any

import pytest

from training_free_grpo.datasets import (
    DatasetError,
    check_overlap,
    draw_sample,
    find_overlap,
    fingerprint_problems,
    read_problems,
)


def test_a_repeated_problem_counts_once_and_is_noted() -> None:
    problems, notes = read_problems([{"problem": "a"}, {"question": "a "}, {"problem": "b"}], "set")
    assert [p["problem"] for p in problems] == ["a", "b"]
    assert notes == ["set: 1 of 3 rows repeat a problem; each counts once (row 2)"]


def test_answers_in_another_order_are_the_same_problem() -> None:
    rows = [{"problem": "a", "answers": ["x", "y"]}, {"problem": "a", "answers": ["y", "x"]}]
    assert len(read_problems(rows)[0]) == 1


def test_a_set_without_repeats_has_no_notes() -> None:
    assert read_problems([{"problem": "a"}, {"problem": "b"}])[1] == []


def test_a_problem_with_other_answers_is_another_one_and_noted() -> None:
    rows = [{"id": 1, "problem": "a", "answer": 1}, {"id": 2, "problem": "a", "answer": 2}]
    problems, notes = read_problems(rows, "set")
    assert [p["answers"] for p in problems] == [["1"], ["2"]]
    assert "1 of 2 rows have the text of another with other answers" in notes[0]


def test_a_problem_with_other_answers_can_be_refused_by_both_rows() -> None:
    rows = [{"problem": "a", "answer": 1}, {"problem": "b"}, {"problem": "a", "answer": 2}]
    with pytest.raises(DatasetError, match="row 3: the problem of row 1 with other answers"):
        read_problems(rows, refuse_contradictions=True)


def test_two_problems_under_one_id_are_refused_by_both_rows() -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "problem": "a"}, {"id": "1", "problem": "b"}]
    with pytest.raises(DatasetError, match="row 2: id '1' is a duplicate, first in row 1"):
        read_problems(rows)


def test_a_missing_answer_is_noted_where_others_have_one() -> None:
    _, notes = read_problems([{"problem": "a", "answer": 1}, {"problem": "b"}], "set")
    assert notes == ["set: 1 of 2 rows have no answer (row 2)"]


def test_a_missing_answer_is_refused_where_it_is_needed() -> None:
    rows = [{"problem": "a", "answer": 1}, {"problem": "b"}, {"problem": "c", "answer": ""}]
    with pytest.raises(DatasetError, match="rows 2, 3: no answer, and the grader compares"):
        read_problems(rows, needs_truth=True)


@pytest.mark.parametrize(
    ("question", "answer", "leaks"),
    [
        ("Who died first, Agatha Christie or Clement Greenberg?", "clement greenberg", True),
        ("Is the answer x=12345?", "12345", True),
        ("What is 12 + 1?", "12", False),
        ("Which Parisian river is it?", "Paris", False),
        ("Which river is it?", "the Seine", False),
    ],
)
def test_an_answer_in_its_question_is_noted(question: str, answer: str, leaks: bool) -> None:
    _, notes = read_problems([{"question": question, "answer": answer}])
    assert any("answer in the question" in note for note in notes) is leaks


def test_a_very_long_problem_is_noted() -> None:
    _, notes = read_problems([{"problem": "a"}, {"problem": "word " * 20_001}], "set")
    assert notes == [
        "set: 1 of 2 rows are longer than 100,000 characters and may not fit the model (row 2)"
    ]


@pytest.mark.parametrize("rows", [[], [{}][:0]])
def test_an_empty_set_is_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(DatasetError, match="holds no problems"):
        read_problems(rows)


def test_a_fingerprint_changes_with_any_problem() -> None:
    problems, _ = read_problems([{"problem": "a", "answer": "1"}, {"problem": "b"}])
    other, _ = read_problems([{"problem": "a", "answer": "2"}, {"problem": "b"}])
    assert fingerprint_problems(problems) == fingerprint_problems(list(problems))
    assert len({fingerprint_problems(p) for p in (problems, other, problems[:1])}) == 3


def test_a_sample_is_the_same_whatever_the_order_of_the_rows() -> None:
    problems, _ = read_problems([{"id": n, "problem": f"problem {n}"} for n in range(1000)])
    drawn = {p["id"] for p in draw_sample(problems, 5)}
    assert drawn == {"38", "179", "703", "786", "789"}  # as sha256sum says
    assert {p["id"] for p in draw_sample(problems[::-1], 5)} == drawn


def test_a_smaller_sample_is_part_of_a_larger_one_in_the_order_of_the_set() -> None:
    problems, _ = read_problems([{"id": n, "problem": f"problem {n}"} for n in range(50)])
    larger = [int(p["id"]) for p in draw_sample(problems, 20)]
    assert {int(p["id"]) for p in draw_sample(problems, 10)} < set(larger)
    assert larger == sorted(larger)


def test_a_sample_larger_than_the_set_is_refused() -> None:
    problems, _ = read_problems([{"problem": "a"}])
    with pytest.raises(DatasetError, match="cannot draw 2 problems: set holds 1"):
        draw_sample(problems, 2, "set")


def test_an_overlap_is_found_through_case_white_space_and_glyphs() -> None:
    evaluation, _ = read_problems([{"problem": "what is x² in ﬁve?"}, {"problem": "what is 1+2?"}])
    assert find_overlap(["What  is\nx2 in five?"], evaluation) == evaluation[:1]


def test_an_overlap_is_refused_with_the_ids_and_the_way_out() -> None:
    evaluation, _ = read_problems([{"id": "p1", "problem": "a"}, {"id": "p2", "problem": "b"}])
    with pytest.raises(DatasetError, match=r"1 of 2 .*runs/first \(ids p2\).*allow_overlap=True"):
        check_overlap(["B"], evaluation, "runs/first")
    check_overlap(["c"], evaluation, "runs/first")
