"""Rows of JSONL, JSON and CSV files, read as they are asked for."""

import ast
import csv
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from training_free_grpo.datasets.errors import DatasetError, RowError
from training_free_grpo.datasets.values import read_whole_number

_LONGEST_FIELD = 2**27
"""Characters in one field of a CSV file; Python's own limit is 131,072."""

_UNEVEN = "more or fewer cells than columns; put quotes around a cell that holds separators"

_SEPARATOR = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
_LIST = re.compile(r"\s*\[\s*[\"'].*[\"']\s*,?\s*\]\s*", re.DOTALL)
_HEAD = 1024
_BOM = b"\xef\xbb\xbf"
_TELLTALES = {
    b"version https://git-lfs": "is a Git LFS pointer, not the data itself: run `git lfs pull`",
    b"<!doctype html": "is a web page, not data: download the raw file",
    b"<html": "is a web page, not data: download the raw file",
    b"par1": "is a Parquet file: save it as JSONL, JSON or CSV",
    b"pk\x03\x04": "is a ZIP archive: unpack it",
    b"\x1f\x8b": "is compressed with gzip: unpack it",
    b"\xff\xfe": "is not UTF-8 but UTF-16: save it as UTF-8",
    b"\xfe\xff": "is not UTF-8 but UTF-16: save it as UTF-8",
}
"""How files begin that are no data set, in lower case, and what to do about them."""


def load_file(path: Path) -> Iterable[Any]:
    """Open a data set and return its rows; a line that cannot be read stands there as its error."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).removeprefix(_BOM).lstrip()
    except IsADirectoryError:
        raise DatasetError(f"the data set {path} is a folder: name a file in it") from None
    except OSError as error:
        raise DatasetError(f"cannot read the data set {path}: {error.strerror}") from None
    check_head(head, path)
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv"):
        return load_csv(path)
    if ending == ".json" or (head.startswith(b"[") and not (ending == ".jsonl" and is_row(path))):
        return load_json(path)
    return load_lines(path)


def is_row(path: Path) -> bool:
    """Tell whether the list that a file begins with is one row of several, or a talk."""
    first, *more = islice(load_lines(path), 2)
    whole = isinstance(first, list) and first != []
    return whole and (bool(more) or (isinstance(first[0], dict) and "role" in first[0]))


def check_head(head: bytes, path: Path) -> None:
    """Raise DatasetError for a file that begins like no data set."""
    if not head:
        raise DatasetError(f"the data set {path} is empty and holds no problems")
    for telltale, said in _TELLTALES.items():
        if head.lower().startswith(telltale):
            raise DatasetError(f"the data set {path} {said}")
    if b"\0" in head:
        raise DatasetError(f"the data set {path} holds NUL bytes: it is not UTF-8 text")


def load_lines(path: Path) -> Iterator[Any]:
    """Read the rows of a JSONL file; empty lines do not count."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            text = line if number else line.removeprefix(_BOM)
            if text.strip():
                yield load_line(text)


def load_line(line: bytes) -> Any:
    """Read one line of a JSONL file; return the error of one that cannot be read."""
    try:
        return json.loads(line.decode(), parse_int=read_whole_number)
    except UnicodeDecodeError:
        return RowError("not UTF-8 text; save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return RowError("not JSON; fix or delete the line", str(error))


def load_json(path: Path) -> list[Any]:
    """Read a JSON file: a list of rows, or an object that holds one."""
    try:
        data = json.loads(path.read_text("utf-8-sig"), parse_int=read_whole_number)
    except UnicodeDecodeError:
        raise DatasetError(f"cannot read the data set {path}: it is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        remedy = "with an object on each line, its name must end in .jsonl"
        raise DatasetError(f"{path} is not JSON: {error}; {remedy}") from None
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    if not isinstance(data, list):
        raise DatasetError(f"{path} holds no list of problems")
    return data


def load_csv(path: Path) -> Iterator[Any]:
    """Read the rows of a CSV file, whose first line names the columns, or the separator first."""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _skip_to_header(file)
            reader = csv.DictReader(file, strict=True, delimiter=delimiter, skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            check_columns(reader.fieldnames, path)
            for row in reader:
                whole = None not in row and None not in row.values()
                yield {name: read_cell(row[name]) for name in row} if whole else RowError(_UNEVEN)
    except UnicodeDecodeError:
        raise DatasetError(f"cannot read the data set {path}: it is not UTF-8 text") from None
    except csv.Error as error:
        raise DatasetError(f"{path} is not CSV: {error}") from None


def _skip_to_header(file: TextIO) -> str:
    """Go to the line that names the columns; return what separates them.

    Excel writes a line such as `sep=;` ahead of it.
    """
    start = file.tell()
    header = file.readline()
    if named := _SEPARATOR.fullmatch(header):
        return named[1]
    file.seek(start)
    return find_delimiter(header)


def find_delimiter(header: str) -> str:
    """Return what separates the columns: commas, or in a header without any, semicolons or tabs."""
    return next((mark for mark in ",;\t" if mark in header), ",")


def read_cell(text: str) -> str | list[str]:
    """Read a list of texts that a cell holds, as JSON or Python writes it; other text stays.

    `[1, 2]` may be an answer: only quoted items make a list.
    """
    if not _LIST.fullmatch(text):
        return text
    for read in (json.loads, ast.literal_eval):
        try:
            items = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return items
    return text


def check_columns(names: Iterable[str], path: Path) -> None:
    """Raise DatasetError where the first line of a CSV file can be no header."""
    seen: set[str] = set()
    for name in names:
        if name in seen or not name.strip() or name.strip().isnumeric():
            raise DatasetError(
                f"the first line of {path} must name its columns, each by a name of its own, "
                f"and {name!r} is none: add a header such as problem,answer"
            )
        seen.add(name)
