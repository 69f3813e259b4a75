"""Read problems: JSONL, JSON, CSV or a Hugging Face name, checked before any money is spent."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training_free_grpo.records import Problem

QUESTION_FIELDS = ("problem", "question")
ANSWER_FIELDS = ("answers", "answer", "groundtruth", "target", "gold")


_LONGEST_FIELD = 2**27
"""Characters in one field of a CSV file; Python's own limit is 131,072."""


class DatasetError(ValueError):
    """A data set cannot be used; the message names the row, the field and the remedy."""


def load_problems(source: str, limit: int | None = None) -> tuple[list[Problem], list[str]]:
    """Load a data set; return its problems and notes on what was left out.

    `limit` counts distinct problems. Raise DatasetError that names the file, row and field.
    """
    rows = load_hub(source) if source.startswith("hf:") else load_file(Path(source))
    problems, notes = read_problems(rows, source)
    return problems[:limit], notes


def read_problems(
    rows: Iterable[Mapping[str, Any]], source: str = "problems"
) -> tuple[list[Problem], list[str]]:
    """Check rows and make them problems; the same text twice is one problem, and noted."""
    found: dict[str, Problem] = {}
    ids: set[str] = set()
    rows_read = 0
    for position, row in enumerate(rows, start=1):
        problem = read_problem(row, f"{source}, row {position}")
        rows_read += 1
        if problem["problem"] in found:
            continue
        if problem["id"] in ids:
            raise DatasetError(f"{source}, row {position}: id {problem['id']!r} stands twice")
        ids.add(problem["id"])
        found[problem["problem"]] = problem
    if not found:
        raise DatasetError(f"{source} holds no problems")
    repeated = rows_read - len(found)
    notes = [f"{source}: {repeated} of {rows_read} rows repeat a problem; each counts once"]
    return list(found.values()), notes if repeated else []


def read_problem(row: Any, place: str) -> Problem:
    """Make one row a problem; raise DatasetError that says which field is missing or wrong."""
    if not isinstance(row, Mapping):
        raise DatasetError(f"{place} is {type(row).__name__}, not an object")
    text = next((row[name] for name in QUESTION_FIELDS if row.get(name) not in (None, "")), None)
    if not isinstance(text, str) or not text.strip():
        fields = ", ".join(map(str, row)) or "none"
        raise DatasetError(f"{place} has no text under 'problem' or 'question' (fields: {fields})")
    answers = read_answers(row, place)
    id = row.get("id")
    return {
        "id": content_id(text, answers) if id in (None, "") else str(id),
        "problem": text.strip(),
        "answers": answers,
    }


def read_answers(row: Mapping[str, Any], place: str) -> list[str]:
    """Read the accepted answers of a row: one or several; none for a set without truths."""
    name = next((name for name in ANSWER_FIELDS if row.get(name) not in (None, "", [])), None)
    if name is None:
        return []
    value = row[name]
    many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not all(isinstance(item, str | int | float) for item in many):
        raise DatasetError(f"{place}: {name!r} is {value!r}, not a text or a list of texts")
    return [str(item) for item in many]


def content_id(text: str, answers: Sequence[str]) -> str:
    """Return the id of a problem that has none: a hash of its content."""
    return hashlib.sha256(json.dumps([text.strip(), *answers]).encode()).hexdigest()[:12]


def fingerprint_problems(problems: Sequence[Problem]) -> str:
    """Hash a data set: twelve hexadecimal digits that change with any problem in it."""
    return hashlib.sha256(json.dumps(problems, sort_keys=True).encode()).hexdigest()[:12]


def find_overlap(training: Sequence[Problem], evaluation: Sequence[Problem]) -> list[str]:
    """Return the texts that stand in both sets: a gain on them proves nothing."""
    seen = {" ".join(p["problem"].split()).casefold() for p in training}
    return [p["problem"] for p in evaluation if " ".join(p["problem"].split()).casefold() in seen]


def load_file(path: Path) -> list[Any]:
    """Read the rows of a JSONL, JSON or CSV file."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"cannot read the data set {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"cannot read the data set {path}: it is not UTF-8 text") from None
    if path.suffix.lower() == ".csv":
        return load_csv(text, path)
    if path.suffix.lower() == ".json":
        return load_json(text, path)
    return [load_line(line, n, path) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def load_csv(text: str, path: Path) -> list[Any]:
    """Read the rows of a CSV file, whose first line names the columns."""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        return list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise DatasetError(f"{path} is not CSV: {error}") from None


def load_json(text: str, path: Path) -> list[Any]:
    """Read a JSON file: a list of rows, or an object that holds one."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON: {error}") from None
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    if not isinstance(data, list):
        raise DatasetError(f"{path} holds no list of problems")
    return data


def load_line(line: str, number: int, path: Path) -> Any:
    """Read one line of a JSONL file."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise DatasetError(f"{path}, line {number} is not JSON: {error}") from None


def load_hub(source: str) -> list[Any]:
    """Read `hf:owner/name:split` through the `datasets` package, an extra of this one."""
    name, _, split = source.removeprefix("hf:").partition(":")
    try:
        from datasets import load_dataset
    except ImportError:
        raise DatasetError(
            f"{source} needs the package `datasets`: pip install 'training-free-grpo[huggingface]'"
        ) from None
    try:
        return list(load_dataset(name, split=split or "train"))
    except Exception as error:
        raise DatasetError(f"cannot load {source}: {type(error).__name__}: {error}") from error
