"""A library and its lessons: create, find and show them."""

import re
from collections.abc import Collection, Iterable, Sequence

import regex

from training_free_grpo.errors import UserError
from training_free_grpo.records import Experience, Library, Origin
from training_free_grpo.text import drop_controls, well_formed
from training_free_grpo.tools.letters import UNSPACED

FORMAT = 1
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]+(?:['’-][\p{L}\p{N}\p{M}]+)*")
_COUNTED = regex.compile(rf"[{UNSPACED}]\p{{M}}*|[^\s{UNSPACED}]+")
_ID = re.compile(r"G(?:0|[1-9][0-9]*)")
_LINE = re.compile(r"^\[(G[0-9]+)\] (.+)$", re.MULTILINE)


class LibraryError(UserError, ValueError):
    """A library cannot be read; the message names the place and the remedy."""


def empty_library() -> Library:
    """Return a library without lessons."""
    return {"format": FORMAT, "next_id": 0, "experiences": {}}


def active_experiences(library: Library) -> list[Experience]:
    """Return the lessons in force, in the order of their ids."""
    lessons = library["experiences"].values()
    return sorted((e for e in lessons if e["status"] == "active"), key=lambda e: number(e["id"]))


def is_id(text: str) -> bool:
    """Return whether a text is an id such as G7; G07 would be a second name for the same number."""
    return _ID.fullmatch(text) is not None


def check_id(id: str) -> None:
    """Raise LibraryError for an id that is not of our form."""
    if not is_id(id):
        raise LibraryError(f"lesson id {id!r} is not of the form G7")


def check_twice(ids: Iterable[str]) -> None:
    """Raise LibraryError for a duplicate id: one of its lessons would be lost."""
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise LibraryError(f"{id!r} is used twice; give one of the two an unused id")
        seen.add(id)


def number(experience_id: str) -> int:
    """Return the number in an id such as G7."""
    return int(experience_id[1:])


def render_library(library: Library) -> str:
    """Render the lessons as prompts show them: lines `[G7] content`, in id order."""
    return render_lessons(active_experiences(library))


def render_lessons(lessons: Iterable[Experience]) -> str:
    """Render some lessons as prompts show them, in the order given."""
    return "\n".join(f"[{e['id']}] {e['content']}" for e in lessons)


def parse_lessons(lines: str) -> Library:
    """Parse what render_library wrote: the lessons as a prompt shows them."""
    return library_of(_LINE.findall(lines))


def list_ids(lines: str) -> list[str]:
    """Return the ids of the lessons in the lines of render_library."""
    return [id for id, _ in _LINE.findall(lines)]


def select_lessons(lines: str, ids: Collection[str]) -> str:
    """Return the lines of render_library that show the named lessons."""
    return "\n".join(line[0] for line in _LINE.finditer(lines) if line[1] in ids)


def library_of(lessons: Iterable[tuple[str, str]], next_id: int = 0) -> Library:
    """Make a library from ids and contents that were given, not learned."""
    library = empty_library()
    for id, content in lessons:
        library["experiences"][id] = make_experience(id, one_line(content), nowhere())
    library["next_id"] = max([next_id, *(number(id) + 1 for id in library["experiences"])])
    return library


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


def nowhere() -> Origin:
    """Return the origin of a lesson that was given, not learned."""
    return {"step": 0, "problems": [], "rollouts": [], "model": "", "prompt": ""}


def one_line(content: str) -> str:
    """Fold white space and drop control characters: a lesson is one fully visible line."""
    return " ".join(drop_controls(well_formed(content)).split())


def words(text: str) -> list[str]:
    """Split a text into lower-case words, for counting and comparing."""
    return list(_WORD.findall(text.casefold()))


def count_words(text: str) -> int:
    """Count words; in scripts without spaces each character counts as one."""
    return len(_COUNTED.findall(text))
