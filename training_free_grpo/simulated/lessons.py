"""Write and compare lessons as the simulated reflection does: by their text alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FORM = re.compile(
    r"(?:[^:]{1,60}: *)?for (.+?)(?: problems?)?, (.+?)(?: rather than (.+?))?\.?$", re.I
)
_IDLE = ("the", "a", "an", "and", "of", "for", "in", "it", "by", "with", "to")
_VAGUE = ("be careful", "check your work", "double-check", "think step", "understand the problem")
ALIKE = 0.8
"""Share of common words from which two pieces of advice count as the same."""


@dataclass(frozen=True)
class Lesson:
    """The content of a lesson: the kind of problem, what to do, and what not to do."""

    kind: str
    advice: str
    against: str = ""


def parse(content: str) -> Lesson | None:
    """Parse a lesson, if it has the form that is written here."""
    match = _FORM.match(content.strip())
    return Lesson(match[1], match[2], match[3] or "") if match else None


def word(lesson: Lesson, max_words: int) -> str:
    """Write a lesson; what it advises against is omitted if there is no room for it."""
    name = " ".join(lesson.kind.replace("-", " ").split()[:3]).capitalize()
    short = f"{name}: for {lesson.kind} problems, {lesson.advice}"
    full = f"{short} rather than {lesson.against}." if lesson.against else f"{short}."
    return full if len(full.split()) <= max_words else f"{short}."


def same(one: Lesson, other: Lesson) -> bool:
    """Return whether two lessons give the same advice for the same kind of problem."""
    return same_kind(one, other) and alike(one.advice, other.advice)


def same_kind(one: Lesson, other: Lesson) -> bool:
    """Return whether two lessons are about the same kind of problem."""
    return one.kind.casefold() == other.kind.casefold()


def alike(one: str, other: str) -> bool:
    """Return whether two phrases have most of their words in common."""
    mine, theirs = content_words(one), content_words(other)
    return len(mine & theirs) >= ALIKE * max(len(mine | theirs), 1)


def content_words(text: str) -> set[str]:
    """Return the significant words of a phrase."""
    return {w for w in re.findall(r"\w+", text.casefold()) if w not in _IDLE}


def is_vague(content: str) -> bool:
    """Return whether a text asks for an attitude instead of naming a step."""
    return any(phrase in content.casefold() for phrase in _VAGUE)


def cluster(lessons: Iterable[tuple[str, Lesson]]) -> list[tuple[Lesson, list[str]]]:
    """Group lessons that say the same, each group under its first wording, with all its ids."""
    groups: list[tuple[Lesson, list[str]]] = []
    for key, lesson in lessons:
        group = next((ids for first, ids in groups if same(first, lesson)), None)
        if group is None:
            groups.append((lesson, [key]))
        else:
            group.append(key)
    return groups


def parse_all(contents: dict[str, str]) -> list[tuple[str, Lesson]]:
    """Parse all lessons of a library that can be parsed, by id."""
    return [(key, lesson) for key, text in contents.items() if (lesson := parse(text))]
