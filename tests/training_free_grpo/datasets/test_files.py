"""Files of every form, and the many things that are none of them."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.datasets import DatasetError, load_problems, read_mapping


def write(path: Path, text: str, encoding: str = "utf-8") -> str:
    path.write_text(text, encoding)
    return str(path)


GOOD: dict[str, tuple[str, str]] = {
    "lines": ("a.jsonl", '{"problem": "a\u2028b", "answer": "1"}\n\n{"problem": "c", "answer": 2}'),
    "lines, Windows": (
        "a.jsonl",
        '{"problem": "a\u2028b", "answer": "1"}\r\n{"problem": "c", "answer": 2}\r\n',
    ),
    "lines without a known ending": (
        "a.txt",
        '{"problem": "a\u2028b", "answer": "1"}\n{"problem": "c", "answer": 2}',
    ),
    "list": ("a.json", '[{"problem": "a\u2028b", "answer": 1}, {"problem": "c", "answer": 2}]'),
    "list in a file of lines": (
        "a.jsonl",
        '[\n  {"problem": "a\u2028b", "answer": 1},\n  {"problem": "c", "answer": 2}\n]',
    ),
    "list in an object": (
        "a.json",
        '{"v": 1, "rows": [{"problem": "a\u2028b", "answer": 1}, {"question": "c", "target": 2}]}',
    ),
    "table": ("a.csv", 'problem,answer\n"a\u2028b",1\nc,2\n'),
    "table with semicolons": ("a.csv", 'problem;answer\n"a\u2028b";1\nc;2\n'),
    "table with tabs": ("a.tsv", 'problem\tanswer\n"a\u2028b"\t1\nc\t2\n'),
    "list on one line of a file of lines": (
        "a.jsonl",
        '[{"problem": "a\u2028b", "answer": 1}, {"problem": "c", "answer": 2}]\n',
    ),
    "table with spaces after commas": ("a.csv", 'problem, answer\n"a\u2028b", "1"\nc, 2\n'),
    "table whose separator is named": ("a.csv", 'sep=;\nproblem;answer\n"a\u2028b";1\nc;2\n'),
    "table whose separator is named, by Excel": (
        "a.csv",
        '"sep=|"\r\nproblem|answer\r\n"a\u2028b"|1\r\nc|2\r\n',
    ),
    "table, ending in capitals": ("a.CSV", 'problem,answer\r\n"a\u2028b",1\r\nc,2\r\n'),
}


@pytest.mark.parametrize(("name", "text"), GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"], ids=["plain", "byte order mark"])
def test_every_form_holds_the_same_problems(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    problems, notes = load_problems(write(tmp_path / name, text, encoding))
    assert [(p["problem"], p["answers"]) for p in problems] == [("a\u2028b", ["1"]), ("c", ["2"])]
    assert notes == []


@pytest.mark.parametrize(
    "cell",
    ['"[""NYC"", ""New York""]"', """"['NYC', 'New York']\"""", """ "[ 'NYC', 'New York' ]\"\n"""],
    ids=["JSON", "Python", "spaces"],
)
def test_a_list_of_texts_in_a_cell_is_several_answers(tmp_path: Path, cell: str) -> None:
    problems, _ = load_problems(write(tmp_path / "a.csv", f"problem,answer\nWhere?,{cell}\n"))
    assert problems[0]["answers"] == ["NYC", "New York"]


@pytest.mark.parametrize("answer", ["[1, 2]", "[0, 5)", "['a", "[x] and [y]"])
def test_other_brackets_in_a_cell_are_text(tmp_path: Path, answer: str) -> None:
    problems, _ = load_problems(write(tmp_path / "a.csv", f'problem,answer\nWhich?,"{answer}"\n'))
    assert problems[0]["answers"] == [answer]


def test_a_huge_whole_number_of_a_file_is_read(tmp_path: Path) -> None:
    digits = "7" * 5000
    line = f'{{"problem": "a", "answer": {digits}}}'
    problems, _ = load_problems(write(tmp_path / "a.jsonl", line))
    assert problems[0]["answers"] == [digits]


@pytest.mark.parametrize("header", ["problem,answer", "problem,answers"])
def test_an_empty_answer_cell_of_a_csv_file_is_no_truth(tmp_path: Path, header: str) -> None:
    problems, _ = load_problems(write(tmp_path / "a.csv", f"{header}\nWho?,\n"))
    assert problems[0]["answers"] == []


def test_a_long_csv_field_is_read(tmp_path: Path) -> None:
    source = write(tmp_path / "long.csv", "problem,answer\n" + "a" * 200_000 + ",1\n")
    assert load_problems(source)[0][0]["answers"] == ["1"]


def test_a_csv_cell_may_hold_lines_and_commas(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", 'problem,answer\n"one,\ntwo?",1\n')
    assert load_problems(source)[0][0]["problem"] == "one,\ntwo?"


LINE = '{"problem": "a", "answer": 1}\n'
BAD: dict[str, tuple[str, bytes, str]] = {
    "torn line": ("a.jsonl", f'{LINE}{{"problem"'.encode(), r"a\.jsonl, row 2: not JSON; fix"),
    "torn lines": (
        "a.jsonl",
        b"{\n" * 7 + LINE.encode(),
        r"a\.jsonl, rows 1, 2, 3, 4, 5 and 2 more: not JSON",
    ),
    "nested without end": ("a.jsonl", LINE.encode() + b"[" * 100_000, "row 2: not JSON"),
    "number without end": (
        "a.jsonl",
        LINE.encode() + b"1" * 10_000,
        "row 2: it is str, not an object",
    ),
    "line in Latin-1": ("a.jsonl", LINE.encode() + b'{"problem": "caf\xe9"}', "row 2: not UTF-8"),
    "NUL in a line": ("a.jsonl", LINE.encode() * 99 + b'{"problem": "a\0"}', "row 100: not JSON"),
    "NUL": ("a.jsonl", b"\x50\x00\x00", "NUL bytes: it is not UTF-8 text"),
    "UTF-16": ("a.jsonl", LINE.encode("utf-16"), "UTF-16: save it as UTF-8"),
    "Latin-1 in a table": ("a.csv", b"problem\ncaf\xe9\n", "not UTF-8 text"),
    "Latin-1 in a list": ("a.json", b'["caf\xe9"]', "not UTF-8 text"),
    "web page": ("a.jsonl", b"\n<!DOCTYPE html><html>", "a web page, not data: download"),
    "web page without its type": ("a.csv", b"<html><body>", "a web page, not data"),
    "Git LFS pointer": (
        "a.jsonl",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
        "a Git LFS pointer, not the data itself: run `git lfs pull`",
    ),
    "Parquet": ("a.parquet", b"PAR1\x15\x04", "a Parquet file"),
    "gzip": ("a.jsonl.gz", gzip.compress(LINE.encode()), "compressed with gzip: unpack it"),
    "torn list": ("a.json", b"{", r"a\.json is not JSON"),
    "lines in a list's file": ("a.json", LINE.encode() * 2, r"must end in \.jsonl"),
    "list nested without end": ("a.json", b"[" * 100_000, r"a\.json is not JSON"),
    "no list": ("a.json", b'{"rows": {}}', "holds no list of problems"),
    "number": ("a.json", b"7", "holds no list of problems"),
    "empty file": ("a.jsonl", b"", "is empty"),
    "byte order mark alone": ("a.jsonl", b"\xef\xbb\xbf", "is empty"),
    "blank lines": ("a.jsonl", b"\n\n", "is empty"),
    "empty list": ("a.json", b"[]", "holds no problems"),
    "header alone": ("a.csv", b"problem,answer\n", "holds no problems"),
    "table without a header": ("a.csv", b"1+1?,2\n2+2?,4\n", r"first line .*'2' is none: add"),
    "table without a header, in words": (
        "a.csv",
        b"Capital of France?,Paris\nOf Spain?,Madrid\n",
        r"row 1: no text .*fields: Capital of France\?, Paris",
    ),
    "column without a name": ("a.csv", b"problem,\na,1\n", "'' is none: add a header"),
    "column twice": ("a.csv", b"problem,answer,answer\na,1,2\n", "'answer' is none: add a header"),
    "comma without quotes": ("a.csv", b"problem,answer\na, b,1\n", "row 1: more or fewer cells"),
    "cell missing": ("a.csv", b"problem,answer\na,1\nb\n", "row 2: more or fewer cells"),
    "quote left open": ("a.csv", b'problem,answer\n"a,1\n', r"a\.csv is not CSV"),
    "NaN": ("a.jsonl", b'{"problem": "a", "answer": NaN}', "row 1: 'answer' is not"),
    "one problem, two truths": (
        "a.jsonl",
        f'{LINE}{{"id": 7, "problem": "a", "answer": 2}}'.encode(),
        "row 2: the problem of row 1 with other answers",
    ),
}


@pytest.mark.parametrize(("name", "content", "said"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_data_set_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=said) as error:
        load_problems(str(tmp_path / name))
    assert name in str(error.value)


def test_a_zip_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jsonl", LINE)
    with pytest.raises(DatasetError, match=r"a\.zip is a ZIP archive: unpack it"):
        load_problems(str(tmp_path / "a.zip"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a folder: name a file in it"):
        load_problems(str(tmp_path))


def test_an_absent_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.jsonl: No such file"):
        load_problems(str(tmp_path / "absent.jsonl"))


def test_a_limit_counts_distinct_problems(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"problem": text}) + "\n" for text in "aabbcc")
    problems, _ = load_problems(write(tmp_path / "a.jsonl", lines), limit=2)
    assert [p["problem"] for p in problems] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a.jsonl", '{"task": {"q": "1+1?"}, "result": "2"}'),
        ("a.json", '[{"task": {"q": "1+1?"}, "result": "2"}]'),
        ("a.csv", "task.q,result\n1+1?,2\n"),
    ],
)
def test_fields_of_any_name_are_mapped(tmp_path: Path, name: str, rows: str) -> None:
    mapping = read_mapping(["problem=task.q", "answer = result"])
    problem: Any = load_problems(write(tmp_path / name, rows), mapping=mapping)[0][0]
    assert (problem["problem"], problem["answers"]) == ("1+1?", ["2"])
