"""What a row may hold, and what is said of one that holds something else."""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training_free_grpo.datasets import DatasetError, read_mapping, read_problem, read_problems
from training_free_grpo.datasets.errors import RowError


@pytest.mark.parametrize("question", ["problem", "question"])
@pytest.mark.parametrize(
    "answer", ["answer", "answers", "golden_answers", "groundtruth", "target", "gold"]
)
def test_every_field_name_of_the_contract_is_read(question: str, answer: str) -> None:
    problem = read_problem({"id": 7, question: " 1+1? ", answer: "2"})
    assert problem == {"id": "7", "problem": "1+1?", "answers": ["2"]}


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("2", ["2"]),
        (" 2 ", ["2"]),
        (2, ["2"]),
        (0, ["0"]),
        (10**400, ["1" + 400 * "0"]),
        (2.5, ["2.5"]),
        (["a", "b"], ["a", "b"]),
        (None, []),
        ("", []),
        ([], []),
    ],
)
def test_an_answer_is_a_text_a_number_or_a_list_of_them(answer: Any, read: list[str]) -> None:
    assert read_problem({"problem": "?", "answer": answer})["answers"] == read


def test_a_problem_without_a_truth_is_a_problem() -> None:
    assert read_problem({"question": "Who?"})["answers"] == []


@pytest.mark.parametrize(
    "row",
    [
        {"id": "a", "problem": "1+1?", "answer": 2},
        {"problem": "1+1?", "answers": ["2", "two"]},
        {"problem": "Who?"},
    ],
)
def test_a_problem_that_was_read_can_be_read_again(row: dict[str, Any]) -> None:
    problem = read_problem(row)
    assert read_problem(problem) == problem


def test_a_missing_id_is_the_hash_of_the_content() -> None:
    assert read_problem({"problem": "1+1?", "answer": "2"})["id"] == "82831a589897"


@pytest.mark.parametrize(
    ("row", "same"),
    [
        ({"question": " 1+1? ", "gold": 2, "level": 3, "id": ""}, True),
        ({"problem": "1+2?", "answer": "2"}, False),
        ({"problem": "1+1?", "answer": "3"}, False),
    ],
)
def test_ids_by_content_differ_with_the_content_alone(row: dict[str, Any], same: bool) -> None:
    first = read_problem({"problem": "1+1?", "answer": "2"})
    assert (read_problem(row)["id"] == first["id"]) is same


BAD: dict[str, tuple[Any, str]] = {
    "a text": ("problem", "it is str, not an object"),
    "a list": (["problem"], "it is list, not an object"),
    "a null": (None, "it is NoneType, not an object"),
    "no known field": (
        {"prompt": "a", "x": 1},
        "no text under 'problem' or .*; .*mapping=",
    ),
    "fields listed": ({"prompt": "a", "x": 1}, r"\(fields: prompt, x\)"),
    "fields that do not print": (
        {"\x1b[2J": 1, "\ud83d": 2},
        r"\(fields: '\\x1b\[2J', '\\ud83d'\)",
    ),
    "no fields": ({}, r"\(fields: none\)"),
    "blank problem": ({"problem": "  "}, "no text under 'problem'"),
    "empty problem": ({"problem": "", "question": None}, "no text under 'problem' or 'question'"),
    "problem that is a number": ({"problem": 7}, "no text under 'problem'"),
    "problem that is a chat": ({"problem": [{"content": "a"}]}, "no text under 'problem'"),
    "problem with NUL": ({"problem": "a\0b"}, "characters that are no text"),
    "half a pair": ({"problem": "a\ud83d"}, "characters that are no text"),
    "answer with half a pair": (
        {"problem": "a", "answer": "\udc00"},
        "characters that are no text",
    ),
    "nested answer": (
        {"problem": "a", "answer": {"value": 1}},
        r"'answer' is not a text.*mapping=.*FIELD\.INNER.*\(it is \{'value': 1\}\)",
    ),
    "answer in a list in a list": (
        {"problem": "a", "gold": [[1]]},
        r"'gold' .*\(it is \[\[1\]\]\)",
    ),
    "null among answers": ({"problem": "a", "answers": ["x", None]}, r"'answers' .*\['x', None\]"),
    "blank among answers": ({"problem": "a", "answers": ["x", " "]}, r"'answers' .*\['x', ' '\]"),
    "answer NaN": ({"problem": "a", "answer": float("nan")}, r"'answer' .*finite.*\(it is nan\)"),
    "answer infinite": ({"problem": "a", "answer": float("-inf")}, r"'answer' .*\(it is -inf\)"),
    "answer true": ({"problem": "a", "answer": True}, r"'answer' .*yes or no.*\(it is True\)"),
    "id that is a list": ({"id": [1], "problem": "a"}, r"'id' is not a line .*\(it is \[1\]\)"),
    "id that is true": ({"id": True, "problem": "a"}, r"'id' .*\(it is True\)"),
    "id with fraction": ({"id": 1.5, "problem": "a"}, r"'id' .*\(it is 1\.5\)"),
    "id of two lines": ({"id": "a\nb", "problem": "a"}, r"'id' .*\(it is 'a\\nb'\)"),
    "id too long": ({"id": "a" * 201, "problem": "a"}, r"'id' .*at most 200 characters.*…\)"),
}


@pytest.mark.parametrize(("row", "said"), BAD.values(), ids=BAD)
def test_a_bad_row_is_named_with_its_field(row: Any, said: str) -> None:
    good: dict[str, Any] = {"problem": "good"}
    with pytest.raises(DatasetError, match=rf"^set, row 2: .*{said}"):
        read_problems([good, row], "set")


def test_rows_with_the_same_fault_are_named_together_and_many_are_counted() -> None:
    rows: list[dict[str, Any]] = [{"problem": "good"}, *({"prompt": n} for n in range(8))]
    with pytest.raises(DatasetError, match=r"^set, rows 2, 3, 4, 5, 6 and 3 more: no text .*\)$"):
        read_problems(rows, "set")


def test_all_faults_are_said_at_once() -> None:
    rows: list[Any] = [{"problem": " "}, 7, {"problem": "a", "answer": True}]
    with pytest.raises(
        DatasetError, match=r"(?s)row 1: no text.*row 2: it is int.*row 3: 'answer'"
    ):
        read_problems(rows)


def test_more_than_five_kinds_of_faults_are_counted() -> None:
    rows = [{"id": 1, "problem": f"problem {n}"} for n in range(2)]
    rows += [{"id": n, "problem": f"problem {n} {m}"} for n in range(2, 9) for m in range(2)]
    with pytest.raises(DatasetError, match="set: 3 more faults like these"):
        read_problems(rows, "set")


def test_faulty_rows_that_nobody_can_mend_are_left_out_and_noted() -> None:
    rows: list[dict[str, Any]] = [{"problem": "a"}, {"problem": ""}, {"problem": "b"}]
    problems, notes = read_problems(rows, "set", strict=False)
    assert [p["problem"] for p in problems] == ["a", "b"]
    assert notes[0].startswith("set, row 2: no text")
    assert notes[0].endswith("left out")


def test_a_set_of_nothing_but_faulty_rows_is_refused_even_then() -> None:
    with pytest.raises(DatasetError, match="rows 1, 2: no text"):
        read_problems([{}, {}], "set", strict=False)


def test_a_mapping_names_the_field_of_each_part() -> None:
    row = {"Question": "1+1?", "answers": ["3"], "result": "2", "key": 5}
    mapping = {"problem": "Question", "answer": "result", "id": "key"}
    assert read_problem(row, mapping) == {"id": "5", "problem": "1+1?", "answers": ["2"]}


@pytest.mark.parametrize("path", ["result.value", "result.0", "prompt.0.content", "a.b"])
def test_a_mapping_reaches_into_objects_and_lists(path: str) -> None:
    row: dict[str, Any] = {
        "problem": "1+1?",
        "result": {"value": 2, "0": 2},
        "prompt": [{"content": 2}],
        "a.b": 2,
    }
    assert read_problem(row, {"answer": path})["answers"] == ["2"]


@pytest.mark.parametrize("path", ["nowhere", "result.nowhere", "list.1", "list.x", "problem.0"])
def test_a_mapping_to_a_field_that_is_not_there_lists_those_that_are(path: str) -> None:
    row = {"problem": "1+1?", "result": {"value": 2}, "list": [2]}
    with pytest.raises(DatasetError, match=rf"no field '{path}'.*fields: problem, result, list"):
        read_problem(row, {"answer": path})


def test_a_mapped_answer_may_be_withheld() -> None:
    assert read_problem({"problem": "?", "truth": None}, {"answer": "truth"})["answers"] == []


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["answer"], "--map 'answer' is not of the form problem=FIELD"),
        (["answer="], "--map 'answer=' is not of the form"),
        (
            ["anser=a"],
            "a problem has no 'anser', did you mean 'answer'?; it has problem, answer, id",
        ),
        (["answer=a", "answer=b"], "names 'answer' twice: 'a' and 'b'"),
    ],
)
def test_a_mapping_of_another_form_is_refused(pairs: list[str], said: str) -> None:
    with pytest.raises(DatasetError) as error:
        read_mapping(pairs)
    assert said in str(error.value)


MADE_ELSEWHERE: dict[str, tuple[Any, list[str]]] = {
    "numpy whole number": (np.int64(5), ["5"]),
    "numpy float": (np.float32(0.5), ["0.5"]),
    "numpy text": (np.str_("Paris"), ["Paris"]),
    "array of texts": (np.array(["Paris", "Rome"]), ["Paris", "Rome"]),
    "array of one number": (np.array(3), ["3"]),
    "numpy date": (np.datetime64("2020-01-02T00:00:00.000000000"), ["2020-01-02"]),
    "decimal": (Decimal("1E+3"), ["1000"]),
    "decimal with zeros": (Decimal("2.50"), ["2.50"]),
    "fraction": (Fraction(1, 2), ["1/2"]),
    "date": (date(2020, 1, 2), ["2020-01-02"]),
    "time of a day": (datetime(2020, 1, 2, 3, 4), ["2020-01-02T03:04:00"]),
    "tuple": (("Paris", np.int64(2)), ["Paris", "2"]),
    "set": ({"b", "a"}, ["a", "b"]),
    "huge whole number": (10**5000, ["1" + 5000 * "0"]),
    "bytes": (b"Paris", ["Paris"]),
    "long float": (np.longdouble(1.5), ["1.5"]),
}


@pytest.mark.parametrize(("value", "answers"), MADE_ELSEWHERE.values(), ids=MADE_ELSEWHERE)
def test_values_of_other_libraries_are_read(value: Any, answers: list[str]) -> None:
    problem = read_problem({"problem": "a", "answer": value})
    assert problem["answers"] == answers
    assert all(type(answer) is str for answer in problem["answers"])


@pytest.mark.parametrize(
    "value",
    [
        np.bool_(True),
        np.float64("nan"),
        np.array([1.0, np.inf]),
        Decimal("NaN"),
        pd.NaT,
        pd.NA,
        b"\xff",
        1j,
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_are_no_answer_are_refused_by_field(value: Any) -> None:
    with pytest.raises(RowError, match="'answer' is not a text, a finite number or a list"):
        read_problem({"problem": "a", "answer": value})


def test_ids_of_other_libraries_are_read() -> None:
    ids = [np.int64(7), 7.0, "7", np.str_("7")]
    assert {read_problem({"id": id, "problem": "a"})["id"] for id in ids} == {"7"}


def test_a_row_of_a_data_frame_names_the_field_without_a_text() -> None:
    frame = pd.DataFrame({"problem": ["a", None], "answer": [1, 2]})
    with pytest.raises(DatasetError, match="row 2: no text under 'problem'"):
        read_problems(frame.to_dict("records"))
