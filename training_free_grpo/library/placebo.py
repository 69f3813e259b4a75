"""Lessons of another domain in the place of a library: as much text, and nothing of use in it."""

from itertools import cycle

from training_free_grpo.library import LibraryError, active_experiences, render_library, words
from training_free_grpo.library.lessons import library_of
from training_free_grpo.records import Library

_CHARACTERS_PER_TOKEN = 4


def make_placebo(other: Library, library: Library) -> Library:
    """Return lessons of another library, whole ones, that come closest to the length of this one.

    They are taken in their order, and where they are too few, again under new ids. Raise
    LibraryError if either library has no lessons, and if they share one.
    """
    lessons = [lesson["content"] for lesson in active_experiences(other)]
    if not lessons:
        raise LibraryError("the placebo has no lessons: name a library with lessons")
    check_apart(lessons, library)
    chosen: list[str] = []
    for content in cycle(lessons):
        longer = [*chosen, content]
        # One lesson more would lead farther away.
        if chosen and off(longer, library) > off(chosen, library):
            break
        chosen = longer
    return number_lessons(chosen)


def check_apart(lessons: list[str], library: Library) -> None:
    """Raise LibraryError for a library without lessons, and for one that has some of these."""
    real = [words(lesson["content"]) for lesson in active_experiences(library)]
    if not real:
        raise LibraryError(
            "the library has no lessons, so there is nothing for a placebo to replace"
        )
    if shared := [content for content in lessons if words(content) in real]:
        raise LibraryError(
            f"{len(shared)} of the placebo's {len(lessons)} lessons stand in the library too, such "
            f"as {shared[0]!r}: name the library of another domain"
        )


def off(contents: list[str], library: Library) -> int:
    """Return how far the length of these lessons is from that of the library."""
    return abs(length(number_lessons(contents)) - length(library))


def number_lessons(contents: list[str]) -> Library:
    """Make a library of texts."""
    return library_of((f"G{n}", content) for n, content in enumerate(contents))


def length(library: Library) -> int:
    """Return the length of the lessons as prompts show them, in characters."""
    return len(render_library(library))


def describe_placebo(placebo: Library, library: Library) -> str:
    """Say how long the placebo is, and how long what it stands for."""
    return f"{describe_length(placebo)}, in the place of {describe_length(library)}"


def describe_length(library: Library) -> str:
    """Say how many lessons a library has, and how long they are."""
    tokens = length(library) // _CHARACTERS_PER_TOKEN
    return f"{len(active_experiences(library))} lessons of about {tokens:,} tokens"
