"""Read lessons from prompts, Markdown, skills and the reference's agents."""

import re
from pathlib import Path

from training_free_grpo.library.files import load_library, read_reference
from training_free_grpo.library.lessons import LibraryError, check_id, check_twice, library_of
from training_free_grpo.records import Library

_ITEM = re.compile(
    r"^(?:\[(G\d+)\]|- \*\*(G\d+)\*\*) (.+(?:\n+[ \t]+\S.*)*)$",
    re.MULTILINE,
)
"""A lesson in a prompt or a Markdown list, with its indented continuation lines."""
_ENTRY = re.compile(r"^\[([^\]\n]+)\]\. (.+?)(?=^\[[^\]\n]+\]\. |\Z)", re.MULTILINE | re.DOTALL)
"""A lesson in an agent's instructions as the reference writes them; it may span several lines."""
_NEXT = re.compile(r"^(?:<!--|#) next id: G([0-9]+)", re.MULTILINE)


def import_library(path: str | Path) -> Library:
    """Read a library from any form that export_library writes; ids are kept.

    Raise LibraryError that names the file and the expected content.
    """
    file = Path(path)
    if file.is_dir() or file.suffix == ".json":
        return load_library(file)
    try:
        text = file.read_text("utf-8-sig")
        found = read_agent(text) if file.suffix in (".yaml", ".yml") else read_text(text)
    except OSError as error:
        raise LibraryError(f"cannot read the library {file}: {error.strerror}") from None
    except ValueError as error:
        raise LibraryError(f"cannot read the library {file}: {error}") from None
    except RecursionError:
        raise LibraryError(f"cannot read the library {file}: it is nested too deeply") from None
    return found


def read_text(text: str) -> Library:
    """Read the lessons of a prompt, a Markdown file or a skill."""
    lessons = [(one or other, content) for one, other, content in _ITEM.findall(text)]
    for id, _ in lessons:
        check_id(id)
    check_twice(id for id, _ in lessons)
    if not lessons:
        raise LibraryError("it has no line of the form `[G0] text` or `- **G0** text`")
    return library_of(lessons, read_next_id(text))


def read_agent(text: str) -> Library:
    """Read the lessons in the instructions of an agent's YAML file."""
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LibraryError(f"it is not YAML: {error}") from None
    agent = data.get("agent", data) if isinstance(data, dict) else None
    instructions = agent.get("instructions") if isinstance(agent, dict) else None
    if not isinstance(instructions, str):
        raise LibraryError("it has no text under agent.instructions")
    entries = _ENTRY.findall(instructions.rpartition("experiences:\n")[2])
    check_twice(id for id, _ in entries)
    if not entries:
        raise LibraryError("its agent.instructions hold no line of the form `[G0]. text`")
    library = read_reference(dict(entries))
    return {**library, "next_id": max(library["next_id"], read_next_id(text))}


def read_next_id(text: str) -> int:
    """Return the next id that a text gives; 0 without one."""
    said = _NEXT.search(text)
    return int(said[1]) if said else 0
