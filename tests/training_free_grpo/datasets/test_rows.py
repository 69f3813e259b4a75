import json
import os
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.datasets import (
    DatasetError,
    find_overlap,
    fingerprint_problems,
    load_problems,
    read_problem,
    read_problems,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TFGRPO_DATA", ROOT.parent / "shared" / "data"))


def real(name: str) -> str:
    path = DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"real data is absent: no {path.name} in the folder TFGRPO_DATA names")
    return str(path)


def write(path: Path, text: str, encoding: str = "utf-8") -> str:
    path.write_text(text, encoding)
    return str(path)


@pytest.mark.parametrize("question", ["problem", "question"])
@pytest.mark.parametrize("answer", ["answer", "answers", "groundtruth", "target", "gold"])
def test_every_field_name_of_the_contract_is_read(question: str, answer: str) -> None:
    problem = read_problem({"id": 7, question: " 1+1? ", answer: "2"}, "row 1")
    assert problem == {"id": "7", "problem": "1+1?", "answers": ["2"]}


@pytest.mark.parametrize(
    ("answer", "read"),
    [("2", ["2"]), (2, ["2"]), (0, ["0"]), (2.5, ["2.5"]), (["a", "b"], ["a", "b"]), (None, [])],
)
def test_an_answer_is_a_text_a_number_or_a_list_of_them(answer: Any, read: list[str]) -> None:
    assert read_problem({"problem": "?", "answer": answer}, "row 1")["answers"] == read


def test_a_problem_without_a_truth_is_a_problem() -> None:
    assert read_problem({"question": "Who?"}, "row 1")["answers"] == []


@pytest.mark.parametrize(
    "row",
    [
        {"id": "a", "problem": "1+1?", "answer": 2},
        {"problem": "1+1?", "answers": ["2", "two"]},
        {"problem": "Who?"},
    ],
)
def test_a_problem_that_was_read_can_be_read_again(row: dict[str, Any]) -> None:
    problem = read_problem(row, "row 1")
    assert read_problem(problem, "row 1") == problem


@pytest.mark.parametrize("header", ["problem,answer", "problem,answers"])
def test_an_empty_answer_cell_of_a_csv_file_is_no_truth(tmp_path: Path, header: str) -> None:
    problems, _ = load_problems(write(tmp_path / "a.csv", f"{header}\nWho?,\n"))
    assert problems[0]["answers"] == []


def test_a_missing_id_is_the_hash_of_the_content() -> None:
    assert read_problem({"problem": "1+1?", "answer": "2"}, "row 1")["id"] == "82831a589897"


@pytest.mark.parametrize(
    ("row", "same"),
    [
        ({"question": " 1+1? ", "gold": 2, "level": 3, "id": ""}, True),
        ({"problem": "1+2?", "answer": "2"}, False),
        ({"problem": "1+1?", "answer": "3"}, False),
    ],
)
def test_ids_by_content_differ_with_the_content_alone(row: dict[str, Any], same: bool) -> None:
    first = read_problem({"problem": "1+1?", "answer": "2"}, "row 1")
    assert (read_problem(row, "row 2")["id"] == first["id"]) is same


def test_a_repeated_problem_counts_once_and_is_noted() -> None:
    problems, notes = read_problems([{"problem": "a"}, {"question": "a "}, {"problem": "b"}], "set")
    assert [p["problem"] for p in problems] == ["a", "b"]
    assert notes == ["set: 1 of 3 rows repeat a problem; each counts once"]


def test_a_set_without_repeats_has_no_notes() -> None:
    assert read_problems([{"problem": "a"}, {"problem": "b"}])[1] == []


def test_two_problems_under_one_id_are_refused() -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "problem": "a"}, {"id": "1", "problem": "b"}]
    with pytest.raises(DatasetError, match="row 2: id '1' stands twice"):
        read_problems(rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"problem": "a\u2028b", "answer": "1"}\n\n{"problem": "c", "answer": "2"}'),
        ("a.json", '[{"problem": "a\u2028b", "answer": 1}, {"problem": "c", "answer": 2}]'),
        ("a.json", '{"v": 1, "rows": [{"problem": "a\u2028b", "answer": 1}, '
         '{"question": "c", "target": 2}]}'),
        ("a.csv", 'problem,answer\n"a\u2028b",1\nc,2\n'),
    ],
)  # fmt: skip
def test_jsonl_json_and_csv_hold_the_same_problems(tmp_path: Path, name: str, text: str) -> None:
    problems, _ = load_problems(write(tmp_path / name, text))
    assert [(p["problem"], p["answers"]) for p in problems] == [("a\u2028b", ["1"]), ("c", ["2"])]


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "problem,answer\na,1\n"), ("a.jsonl", '{"problem": "a"}\n')]
)
def test_a_byte_order_mark_does_not_matter(tmp_path: Path, name: str, text: str) -> None:
    problems, _ = load_problems(write(tmp_path / name, text, "utf-8-sig"))
    assert problems[0]["problem"] == "a"


def test_a_long_csv_field_is_read(tmp_path: Path) -> None:
    source = write(tmp_path / "long.csv", "problem,answer\n" + "a" * 200_000 + ",1\n")
    assert load_problems(source)[0][0]["answers"] == ["1"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("problem", "row 2 is str, not an object"),
        (["problem"], "row 2 is list, not an object"),
        ({"prompt": "a", "x": 1}, r"row 2 has no text under 'problem'.*fields: prompt, x"),
        ({}, "row 2 has no text .*fields: none"),
        ({"problem": "  "}, "row 2 has no text"),
        ({"problem": 7}, "row 2 has no text"),
        ({"problem": "a", "answer": {"value": 1}}, "row 2: 'answer' is {'value': 1}"),
        ({"problem": "a", "gold": [[1]]}, r"row 2: 'gold' is \[\[1\]\]"),
        ({"problem": "a", "answers": ["x", None]}, r"row 2: 'answers' is \['x', None\]"),
    ],
)
def test_a_bad_row_is_named_with_its_field(row: Any, said: str) -> None:
    good: dict[str, Any] = {"problem": "good"}
    with pytest.raises(DatasetError, match=said):
        read_problems([good, row], "set")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"problem": "a"}\n{"problem"', r"a\.jsonl, line 2 is not JSON"),
        ("a.json", "{", r"a\.json is not JSON"),
        ("a.json", '{"rows": {}}', "holds no list of problems"),
        ("a.json", "7", "holds no list of problems"),
        ("a.jsonl", "\n", "holds no problems"),
        ("a.json", "[]", "holds no problems"),
        ("a.csv", "problem,answer\n", "holds no problems"),
    ],
)
def test_a_file_without_problems_is_refused(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        load_problems(write(tmp_path / name, text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\x50\xff\x00")
    with pytest.raises(DatasetError, match="not UTF-8"):
        load_problems(str(tmp_path / "a.jsonl"))


def test_an_absent_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.jsonl: No such file"):
        load_problems(str(tmp_path / "absent.jsonl"))


@pytest.mark.parametrize("rows", [[], [{}][:0]])
def test_an_empty_set_is_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(DatasetError, match="holds no problems"):
        read_problems(rows)


def test_a_limit_counts_distinct_problems(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"problem": text}) + "\n" for text in "aabbcc")
    problems, _ = load_problems(write(tmp_path / "a.jsonl", lines), limit=2)
    assert [p["problem"] for p in problems] == ["a", "b"]


def test_a_fingerprint_changes_with_any_problem() -> None:
    problems, _ = read_problems([{"problem": "a", "answer": "1"}, {"problem": "b"}])
    other, _ = read_problems([{"problem": "a", "answer": "2"}, {"problem": "b"}])
    assert fingerprint_problems(problems) == fingerprint_problems(list(problems))
    assert len({fingerprint_problems(p) for p in (problems, other, problems[:1])}) == 3


def test_an_overlap_is_found_through_case_and_white_space() -> None:
    training, _ = read_problems([{"problem": "What  is\n1+1?"}])
    evaluation, _ = read_problems([{"problem": "what is 1+1?"}, {"problem": "what is 1+2?"}])
    assert find_overlap(training, evaluation) == ["what is 1+1?"]


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("gsm8k_test", 1319),
        ("math500", 500),
        ("minerva_math", 272),
        ("aime24", 30),
        ("aime25", 30),
        ("labelled_math_qwen800", 100),
        ("bamboogle", 125),
        ("hotpotqa", 512),
        ("webwalkerqa", 680),
    ],
)
def test_real_sets_load_whole_and_every_problem_has_its_truth(name: str, problems: int) -> None:
    found, _ = load_problems(real(name))
    assert len(found) == problems
    assert all(p["answers"] and all(p["answers"]) for p in found)


def test_eight_solutions_of_a_problem_are_one_problem_and_noted() -> None:
    _, notes = load_problems(real("labelled_math_qwen800"))
    assert "700 of 800 rows repeat" in notes[0]


def test_rows_that_are_no_problems_are_refused_with_their_fields() -> None:
    with pytest.raises(DatasetError, match=r"row 1 has no text .*task_id"):
        load_problems(real("webarena_812"))
