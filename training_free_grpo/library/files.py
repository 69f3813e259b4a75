"""Libraries as JSON: our format, and the reference's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_free_grpo.library.forms import HasLibrary, LibraryLike
from training_free_grpo.library.lessons import (
    FORMAT,
    LibraryError,
    check_id,
    check_twice,
    is_id,
    library_of,
    make_experience,
    nowhere,
    number,
    one_line,
)
from training_free_grpo.records import JSON, Experience, Library
from training_free_grpo.storage.files import write_atomically


def load_library(library: LibraryLike) -> Library:
    """Load a library from its JSON file or a run folder, or read one in memory."""
    if isinstance(library, str | Path):
        return load_file(library_file(library))
    return read_library(library.library if isinstance(library, HasLibrary) else library)


def load_file(file: Path) -> Library:
    """Load a library from a JSON file."""
    try:
        return read_library(parse_json(file.read_text("utf-8-sig")))
    except OSError as error:
        hint = suggest_run(file)
        raise LibraryError(f"cannot read the library {file}: {error.strerror}{hint}") from None
    except RecursionError:
        raise LibraryError(f"cannot read the library {file}: it is nested too deeply") from None
    except ValueError as error:
        raise LibraryError(f"cannot read the library {file}: {error}") from None


def library_file(path: str | Path) -> Path:
    """Return the file of a library: the path itself, or library.json in a run folder."""
    file = Path(path)
    return file / "library.json" if file.is_dir() else file


def suggest_run(file: Path) -> str:
    """Suggest a run of the same name if the file does not exist."""
    run = Path("runs") / file
    found = not file.exists() and library_file(run).exists()
    return f"; did you mean {str(run)!r}?" if found else ""


def parse_json(text: str) -> Any:
    """Parse JSON; raise LibraryError for a duplicate key, of which one would be lost."""
    return json.loads(text, object_pairs_hook=_unique)


def save_library(library: LibraryLike, path: str | Path) -> None:
    """Save a library in any form as JSON, whole or not at all."""
    text = json.dumps(load_library(library), ensure_ascii=False, indent=2)
    write_atomically(Path(path), text + "\n")


def read_library(data: Any) -> Library:
    """Read a library from JSON: our format, or the reference's `{"G0": "text"}`."""
    if not isinstance(data, Mapping):
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
    """Read one lesson; fields missing from a hand-written file get their empty value."""
    check_id(key)
    lesson = make_experience(key, one_line(value["content"]), value.get("created") or nowhere())
    if not lesson["content"]:
        raise LibraryError(f"lesson {key} has no content")
    lesson["status"] = "active" if value.get("status", "active") == "active" else "deleted"
    lesson["updated"], lesson["parents"] = value.get("updated", []), value.get("parents", [])
    return lesson


def read_reference(data: Mapping[str, Any]) -> Library:
    """Read the reference's `{"G0": "text", …}`; ids of our form are kept."""
    for key, content in data.items():
        if not isinstance(content, str) or not one_line(content):
            raise LibraryError(f"lesson {key!r} is {content!r}, not a text")
    if all(map(is_id, data)):
        return library_of(data.items())
    return library_of((f"G{n}", content) for n, content in enumerate(data.values()))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    check_twice(key for key, _ in pairs)
    return dict(pairs)
