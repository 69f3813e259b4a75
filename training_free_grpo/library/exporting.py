"""Libraries in the forms that people, prompts, skills and other programs read."""

import json
import re
from collections.abc import Callable
from typing import Any

from training_free_grpo.library.files import load_library
from training_free_grpo.library.forms import LibraryLike
from training_free_grpo.library.lessons import (
    LibraryError,
    active_experiences,
    number,
    render_library,
)
from training_free_grpo.prompts import render_prompt
from training_free_grpo.records import Library

_LONGEST_DESCRIPTION = 1024


def export_library(library: LibraryLike, form: str, name: str = "experience") -> str:
    """Render a library in one of FORMS; `name` is the name of the skill or the agent."""
    if form not in FORMS:
        raise LibraryError(f"unknown form {form!r}; the forms are {', '.join(FORMS)}")
    return FORMS[form](load_library(library), name)


def note_next_id(library: Library) -> str:
    """Return a line with the next id, where the lessons alone would let an id be reused."""
    after_last = max((number(e["id"]) + 1 for e in active_experiences(library)), default=0)
    return f"next id: G{library['next_id']}" if library["next_id"] > after_last else ""


def _json(library: Library, name: str) -> str:
    return json.dumps(library, ensure_ascii=False, indent=2)


def _markdown(library: Library, name: str) -> str:
    lessons = [f"- **{e['id']}** {e['content']}" for e in active_experiences(library)]
    return _with_next_id("# Lessons\n\n" + "\n".join(lessons), library)


def _prompt(library: Library, name: str) -> str:
    return render_library(library)


def _reference(library: Library, name: str) -> str:
    plain = {e["id"]: e["content"] for e in active_experiences(library)}
    return json.dumps(plain, ensure_ascii=False, indent=2)


def _system(library: Library, name: str) -> str:
    lessons = render_library(library)
    return render_prompt("experience", library=lessons) if lessons else ""


def _skill(library: Library, name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 64:
        raise LibraryError(
            f"skill name {name!r}: use at most 64 lower-case letters, digits and single hyphens"
        )
    if not active_experiences(library):
        raise LibraryError("cannot export a skill: the library has no lessons")
    about = ", ".join(e["content"].partition(":")[0] for e in active_experiences(library))
    description = f"Lessons from earlier attempts. Read them before working on: {about}"
    front = {"name": name, "description": description[:_LONGEST_DESCRIPTION]}
    return _with_next_id(f"---\n{_yaml(front)}---\n\n{_system(library, name)}", library)


def _agent(library: Library, name: str) -> str:
    lines = [f"[{e['id']}]. {e['content']}" for e in active_experiences(library)]
    heading = "Before you start, pick what fits the problem out of these experiences:\n"
    agent = {"agent": {"name": name, "instructions": heading + "\n".join(lines)}}
    note = note_next_id(library)
    return (f"# {note}\n" if note else "") + _yaml(agent).rstrip()


FORMS: dict[str, Callable[[Library, str], str]] = {
    "json": _json,
    "markdown": _markdown,
    "prompt": _prompt,
    "reference": _reference,
    "system": _system,
    "skill": _skill,
    "agent": _agent,
}


def _with_next_id(text: str, library: Library) -> str:
    note = note_next_id(library)
    return f"{text}\n\n<!-- {note} -->" if note else text


def _yaml(data: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes multi-line strings as readable blocks."""

    def represent(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=10_000)
