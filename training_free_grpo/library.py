"""The experience library: lessons under stable ids, edited by operations, kept as plain JSON.

Every function returns a new library and leaves the one it was given as it is.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from training_free_grpo.files import write_atomically
from training_free_grpo.records import (
    JSON,
    Experience,
    Library,
    Operation,
    Origin,
    Rejection,
)
from training_free_grpo.text import well_formed

FORMAT = 1
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Japanese and Chinese characters."""


class LibraryError(ValueError):
    """A library cannot be read; the message names the place and the remedy."""


def empty_library() -> Library:
    """Return a library without lessons."""
    return {"format": FORMAT, "next_id": 0, "experiences": {}}


def active_experiences(library: Library) -> list[Experience]:
    """Return the lessons in force, in the order of their ids."""
    lessons = library["experiences"].values()
    return sorted((e for e in lessons if e["status"] == "active"), key=lambda e: number(e["id"]))


def number(experience_id: str) -> int:
    """Return the number in an id such as G7."""
    return int(experience_id[1:])


def render_library(library: Library) -> str:
    """Render the lessons as prompts show them: lines `[G7] content`, in id order."""
    return "\n".join(f"[{e['id']}] {e['content']}" for e in active_experiences(library))


def parse_lessons(lines: str) -> Library:
    """Read back what render_library wrote: the lessons as a prompt shows them."""
    library = empty_library()
    for id, content in re.findall(r"^\[(G\d+)\] (.+)$", lines, re.MULTILINE):
        library["experiences"][id] = make_experience(id, content, nowhere())
        library["next_id"] = max(library["next_id"], number(id) + 1)
    return library


def words(text: str) -> list[str]:
    """Cut a text into lower-case words, for counting and comparing."""
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.casefold())


def count_words(text: str) -> int:
    """Count words; in scripts without spaces each character counts as one."""
    return len(re.findall(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+", text))


def find_duplicate(library: Library, content: str, besides: Sequence[str] = ()) -> str | None:
    """Return the id of a lesson in force with the same words, if there is one.

    Case and punctuation do not count, but a single "not" does: what only says nearly the same
    is for the model that edits to judge.
    """
    new = words(content)
    for lesson in active_experiences(library):
        if lesson["id"] not in besides and words(lesson["content"]) == new:
            return lesson["id"]
    return None


def check_operation(library: Library, operation: Operation, max_words: int) -> str | None:
    """Return what is wrong with the operation and can be mended, or None.

    A model that is told can cite another id, or find fewer words.
    """
    kind, ids = operation["operation"], operation["ids"]
    known = {e["id"] for e in active_experiences(library)}
    if kind != "add":
        if unknown := [i for i in ids if i not in known]:
            return f"{kind} cites {', '.join(unknown)}, which the library does not hold"
        if kind == "update" and len(ids) != 1:
            return f"update needs exactly one id, not {len(ids)}"
        if kind == "merge" and len(set(ids)) < 2:
            return "merge needs at least two different ids"
        if kind == "delete":
            return None if ids else "delete needs the id of a lesson"
    content = operation["content"].strip()
    if not content:
        return f"{kind} needs content"
    if (count := count_words(content)) > max_words:
        return f"content has {count} words, and {max_words} is the most: {content!r}"
    return None


def check_novelty(library: Library, operation: Operation) -> str | None:
    """Return why the operation would change nothing, or None: there is nothing to mend in that."""
    if operation["operation"] == "delete":
        return None
    replaced = operation["ids"] if operation["operation"] == "merge" else []
    duplicate = find_duplicate(library, operation["content"], besides=replaced)
    return duplicate and f"content says the same as {duplicate}: {operation['content']!r}"


def apply_operation(library: Library, operation: Operation, origin: Origin) -> Library:
    """Carry out an operation that check_operation has passed."""
    lessons = {key: dict(lesson) for key, lesson in library["experiences"].items()}
    kind, ids, content = operation["operation"], operation["ids"], one_line(operation["content"])
    next_id = library["next_id"]
    if kind == "update":
        updated = [*lessons[ids[0]]["updated"], origin]  # type: ignore[misc]
        lessons[ids[0]] |= {"content": content, "updated": updated}
    if kind in ("merge", "delete"):
        for gone in ids:
            lessons[gone]["status"] = "deleted"
    if kind in ("add", "merge"):
        parents = sorted(set(ids), key=number) if kind == "merge" else []
        lesson = make_experience(f"G{next_id}", content, origin, parents)
        lessons[lesson["id"]] = dict(lesson)
        next_id += 1
    return {"format": FORMAT, "next_id": next_id, "experiences": lessons}  # type: ignore[typeddict-item]


def one_line(content: str) -> str:
    """Fold white space: a lesson is one line in every prompt."""
    return " ".join(well_formed(content).split())


def make_experience(
    id: str, content: str, origin: Origin, parents: Sequence[str] = ()
) -> Experience:
    """Make a lesson in force."""
    return {
        "id": id,
        "content": content,
        "status": "active",
        "created": origin,
        "updated": [],
        "parents": list(parents),
    }


def apply_plan(
    library: Library, plan: Iterable[tuple[Operation, Origin]], max_words: int
) -> tuple[Library, list[Operation], list[Rejection]]:
    """Carry out what can be carried out, in order; return what was applied and what was not."""
    applied: list[Operation] = []
    rejected: list[Rejection] = []
    for operation, origin in plan:
        reason = check_operation(library, operation, max_words) or check_novelty(library, operation)
        if reason:
            rejected.append({"operation": {**operation}, "reason": reason})
        else:
            library = apply_operation(library, operation, origin)
            applied.append(operation)
    return library, applied, rejected


def diff_libraries(old: Library, new: Library) -> list[JSON]:
    """List the lessons that were added, changed or deleted on the way from old to new."""
    before = {e["id"]: e["content"] for e in active_experiences(old)}
    after = {e["id"]: e["content"] for e in active_experiences(new)}
    changes = []
    for key in sorted(before.keys() | after.keys(), key=number):
        was, now = before.get(key), after.get(key)
        if was != now:
            change = "added" if was is None else "deleted" if now is None else "changed"
            changes.append({"id": key, "change": change, "old": was, "new": now})
    return changes


def read_library(data: Any) -> Library:
    """Read a library from JSON: our format, or the reference's `{"G0": "text"}`."""
    if not isinstance(data, dict):
        raise LibraryError(f"a library is a JSON object, not {type(data).__name__}")
    if "format" not in data:
        return import_reference(data)
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


def import_reference(data: dict[str, Any]) -> Library:
    """Read the reference's `{"G0": "text", …}`; ids are kept where they have our form."""
    library = empty_library()
    ours = all(re.fullmatch(r"G\d+", key) for key in data)
    for position, (key, content) in enumerate(data.items()):
        if not isinstance(content, str) or not content.strip():
            raise LibraryError(f"lesson {key!r} is {content!r}, not a text")
        id = key if ours else f"G{position}"
        library["experiences"][id] = make_experience(id, one_line(content), nowhere())
    library["next_id"] = max((number(key) + 1 for key in library["experiences"]), default=0)
    return library


def nowhere() -> Origin:
    """Return the origin of a lesson that was given, not learned."""
    return {"step": 0, "problems": [], "rollouts": [], "model": "", "prompt": ""}


def load_library(path: str | Path) -> Library:
    """Load a library from a JSON file, or from a run folder's library.json."""
    file = Path(path)
    if file.is_dir():
        file /= "library.json"
    try:
        return read_library(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise LibraryError(f"cannot read the library {file}: {error.strerror}") from None
    except ValueError as error:
        raise LibraryError(f"cannot read the library {file}: {error}") from None


def save_library(library: Library, path: str | Path) -> None:
    """Save a library as JSON, whole or not at all."""
    write_atomically(Path(path), json.dumps(library, ensure_ascii=False, indent=2) + "\n")


def export_library(library: Library, form: str) -> str:
    """Render the library as `json`, `markdown`, `prompt` or the reference's `reference` form."""
    lessons = active_experiences(library)
    if form == "json":
        return json.dumps(library, ensure_ascii=False, indent=2)
    if form == "reference":
        plain = {e["id"]: e["content"] for e in lessons}
        return json.dumps(plain, ensure_ascii=False, indent=2)
    if form == "markdown":
        return "# Lessons\n\n" + "\n".join(f"- **{e['id']}** {e['content']}" for e in lessons)
    if form == "prompt":
        return render_library(library)
    raise LibraryError(f"unknown form {form!r}; the forms are json, markdown, prompt, reference")
