"""Rows in the forms in which people have them."""

from typing import Any

import pytest

from training_free_grpo import build_evaluation_graph
from training_free_grpo.datasets import DatasetError, read_problems
from training_free_grpo.settings import Settings

pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")

ROWS = [
    {"id": "a", "problem": "6 times 7?", "answer": ["42", "forty-two"]},
    {"id": "b", "problem": "One half?", "answer": None},
]
FOUND = [
    {"id": "a", "problem": "6 times 7?", "answers": ["42", "forty-two"]},
    {"id": "b", "problem": "One half?", "answers": []},
]


class Split:
    """A split of a data set as the package `datasets` has it, as far as a reader sees it."""

    column_names = ("problem", "answer")

    def __iter__(self) -> Any:
        return iter(ROWS)


@pytest.mark.parametrize(
    "rows",
    [
        *(ROWS, tuple(ROWS), iter(ROWS)),
        *(pandas.DataFrame(ROWS), pyarrow.Table.from_pylist(ROWS), Split()),
    ],
    ids=["list", "tuple", "iterator", "pandas", "pyarrow", "datasets"],
)
def test_rows_are_read_from_every_form(rows: Any) -> None:
    assert read_problems(rows)[0] == FOUND


def test_numbers_and_arrays_of_a_table_become_answers() -> None:
    table = pandas.DataFrame({"problem": ["a?", "b?", "c?"], "answer": [1, None, 2.5]})
    assert [p["answers"] for p in read_problems(table)[0]] == [["1.0"], [], ["2.5"]]
    counts = pandas.DataFrame({"problem": ["a?"], "answer": [3]})
    assert read_problems(counts)[0][0]["answers"] == ["3"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"problem": "6 times 7?"}, "one object with problem, not a list of rows: put it into a"),
        ({"train": Split(), "test": Split()}, "several splits: give one of them, train, test"),
        ("6 times 7?", "problems is str, not a list"),
        (7, "problems is int, not a list"),
    ],
)
def test_what_has_no_rows_is_refused_with_the_remedy(rows: Any, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        read_problems(rows)


def test_a_graph_takes_a_table_as_it_is() -> None:
    graph = build_evaluation_graph(lambda messages: "42", lambda problem, answer: 1.0)
    found = graph.invoke({"problems": pandas.DataFrame(ROWS)}, context=Settings())
    assert found["evaluation"]["problems"] == 2
