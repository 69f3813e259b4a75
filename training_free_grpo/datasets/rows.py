"""From a row to a problem: where its fields stand, and what may stand in them."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from training_free_grpo.arguments import argument, map_field
from training_free_grpo.datasets.errors import DatasetError, RowError
from training_free_grpo.datasets.values import plain
from training_free_grpo.records import Problem
from training_free_grpo.text import well_formed

FIELDS = {
    "problem": ("problem", "question"),
    "answer": ("answers", "answer", "golden_answers", "groundtruth", "target", "gold"),
    "id": ("id",),
}
"""What a field of a problem may be called; of several, the first counts."""

Clean = Callable[[str, list[str]], tuple[str, list[str]]]
"""Takes off what a data set adds to a problem or its answers; raises RowError for one of no use."""

NO_MAPPING: Mapping[str, str] = MappingProxyType({})

_LONGEST_ID = 200
_EMPTY: tuple[object, ...] = (None, "", [])


def read_problem(
    row: Any, mapping: Mapping[str, str] = NO_MAPPING, clean: Clean | None = None
) -> Problem:
    """Make a row a problem; raise RowError that says which field is missing or wrong.

    `mapping` names the fields to read, as a path into the row: `{"answer": "result.value"}`.
    """
    if isinstance(row, RowError):
        raise row
    if not isinstance(row, Mapping):
        raise RowError(f"it is {type(row).__name__}, not an object")
    name, text = find_field(row, "problem", mapping)
    if not isinstance(text, str) or not text.strip():
        raise RowError(
            f"no text under {name}; name its field with {map_field('problem')}", list_fields(row)
        )
    answers = read_answers(*find_field(row, "answer", mapping))
    if clean:
        text, answers = clean(text, answers)
    if "\0" in text or well_formed([text, *answers]) != [text, *answers]:
        raise RowError("characters that are no text (NUL, or half of a pair)")
    text = text.strip()
    id = read_id(*find_field(row, "id", mapping)) or content_id(text, answers)
    return {"id": id, "problem": text, "answers": answers}


def find_field(
    row: Mapping[str, Any],
    target: str,
    mapping: Mapping[str, str],
    fields: Mapping[str, Sequence[str]] = FIELDS,
) -> tuple[str, Any]:
    """Return the name and the value of the field that holds the target; None if none does."""
    if target in mapping:
        return repr(mapping[target]), follow(row, mapping[target])
    names = fields[target]
    for name in names:
        if (value := plain(row.get(name))) not in _EMPTY:
            return repr(name), value
    return " or ".join(map(repr, names)), None


def follow(row: Mapping[str, Any], path: str) -> Any:
    """Return what stands under a name, or under a path such as `prompt.0.content`."""
    if path in row:
        return plain(row[path])
    value: Any = row
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = plain(value[part])
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            named = argument("the mapping", "--map")
            raise RowError(f"no field {path!r}, which {named} names", list_fields(row))
    return value


def read_answers(name: str, value: Any) -> list[str]:
    """Read the accepted answers of a row: one or several; none for a row without a truth."""
    if value in _EMPTY:
        return []
    many = value if isinstance(value, list) else [value]
    if not all(is_answer(item) for item in many):
        raise RowError(
            f"{name} is not a text, a finite number or a list of them; name what stands inside "
            f"with {map_field('answer', 'FIELD.INNER')}, write yes or no for true or false",
            f"it is {shorten(repr(value))}",
        )
    return [str(item).strip() for item in many]


def is_answer(value: Any) -> bool:
    """Tell whether a value can be compared with what a model writes; `True` cannot."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def read_id(name: str, value: Any) -> str:
    """Read the id of a row; empty for a row without one. No file is named by it: `a/b` is fine."""
    if value in _EMPTY:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # what pandas makes of whole numbers where a row has none
    id = str(value)
    readable = id.isprintable() and len(id) <= _LONGEST_ID
    if not isinstance(value, str | int) or isinstance(value, bool) or not readable:
        raise RowError(
            f"{name} is not a line of at most {_LONGEST_ID} characters, or a whole number",
            f"it is {shorten(repr(value))}",
        )
    return id


def content_id(text: str, answers: Sequence[str]) -> str:
    """Return the id of a problem that has none: a hash of its content."""
    return hashlib.sha256(json.dumps([text, *answers]).encode()).hexdigest()[:12]


def read_mapping(
    pairs: Sequence[str], fields: Mapping[str, Sequence[str]] = FIELDS
) -> dict[str, str]:
    """Read pairs like `answer=result.value`: a field of a problem, and where rows keep it."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        target, _, path = (part.strip() for part in pair.partition("="))
        if not path:
            raise DatasetError(f"--map {pair!r} is not of the form problem=FIELD")
        if target not in fields:
            near = get_close_matches(target, fields, n=1)
            meant = f", did you mean {near[0]!r}?" if near else ""
            raise DatasetError(
                f"--map {pair!r}: a problem has no {target!r}{meant}; it has {', '.join(fields)}"
            )
        if target in mapping:
            raise DatasetError(f"--map names {target!r} twice: {mapping[target]!r} and {path!r}")
        mapping[target] = path
    return mapping


def list_fields(row: Mapping[str, Any]) -> str:
    """List the fields that a row has; what would not print is escaped."""
    names = [name if name.isprintable() else repr(name) for name in map(str, row)]
    return f"fields: {shorten(', '.join(names), 300) or 'none'}"


def shorten(text: str, length: int = 80) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
