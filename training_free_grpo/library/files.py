"""Libraries as JSON: our format, and the reference's."""

import json
import re
from pathlib import Path
from typing import Any

from training_free_grpo.files import write_atomically
from training_free_grpo.library.lessons import (
    FORMAT,
    LibraryError,
    library_of,
    make_experience,
    nowhere,
    number,
    one_line,
)
from training_free_grpo.records import JSON, Experience, Library


def load_library(path: str | Path) -> Library:
    """Load a library from a JSON file, or from a run folder's library.json."""
    file = library_file(path)
    try:
        return read_library(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise LibraryError(f"cannot read the library {file}: {error.strerror}") from None
    except ValueError as error:
        raise LibraryError(f"cannot read the library {file}: {error}") from None


def library_file(path: str | Path) -> Path:
    """Return the file of a library: the path itself, or a run folder's library.json."""
    file = Path(path)
    return file / "library.json" if file.is_dir() else file


def save_library(library: Library, path: str | Path) -> None:
    """Save a library as JSON, whole or not at all."""
    write_atomically(Path(path), json.dumps(library, ensure_ascii=False, indent=2) + "\n")


def read_library(data: Any) -> Library:
    """Read a library from JSON: our format, or the reference's `{"G0": "text"}`."""
    if not isinstance(data, dict):
        raise LibraryError(f"a library is a JSON object, not {type(data).__name__}")
    if "format" not in data:
        return read_reference(data)
    if data["format"] != FORMAT:
        raise LibraryError(f"library format {data['format']!r} is not {FORMAT}: update the package")
    try:
        lessons = {key: read_experience(key, value) for key, value in data["experiences"].items()}
        next_id = max([int(data["next_id"]), *(number(key) + 1 for key in lessons)])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LibraryError(f"the library is damaged: {type(error).__name__} {error}") from None
    return {"format": FORMAT, "next_id": next_id, "experiences": lessons}


def read_experience(key: str, value: JSON) -> Experience:
    """Read one lesson; what a hand-written file leaves out gets its empty value."""
    if not re.fullmatch(r"G\d+", key):
        raise LibraryError(f"lesson id {key!r} is not of the form G7")
    lesson = make_experience(key, one_line(value["content"]), value.get("created") or nowhere())
    if not lesson["content"]:
        raise LibraryError(f"lesson {key} has no content")
    lesson["status"] = "active" if value.get("status", "active") == "active" else "deleted"
    lesson["updated"], lesson["parents"] = value.get("updated", []), value.get("parents", [])
    return lesson


def read_reference(data: dict[str, Any]) -> Library:
    """Read the reference's `{"G0": "text", …}`; ids are kept where they have our form."""
    for key, content in data.items():
        if not isinstance(content, str) or not one_line(content):
            raise LibraryError(f"lesson {key!r} is {content!r}, not a text")
    if all(re.fullmatch(r"G\d+", key) for key in data):
        return library_of(data.items())
    return library_of((f"G{n}", content) for n, content in enumerate(data.values()))
