"""Unrelated lessons of similar length in place of a library: as much text, but no help."""

from itertools import cycle

from training_free_grpo.library import LibraryError, active_experiences, render_library, words
from training_free_grpo.library.lessons import library_of
from training_free_grpo.records import Library

_CHARACTERS_PER_TOKEN = 4


def make_placebo(other: Library, library: Library) -> Library:
    """Return lessons of another library, whole ones, of about the same length as this one.

    They are taken in order, and repeated under new ids if there are too few. Raise LibraryError if
    either library has no lessons, or if they share one.
    """
    lessons = [lesson["content"] for lesson in active_experiences(other)]
    if not lessons:
        raise LibraryError("the placebo has no lessons: name a library with lessons")
    check_apart(lessons, library)
    chosen: list[str] = []
    for content in cycle(lessons):
        longer = [*chosen, content]
        # One more lesson would be further off.
        if chosen and off(longer, library) > off(chosen, library):
            break
        chosen = longer
    return number_lessons(chosen)


def check_apart(lessons: list[str], library: Library) -> None:
    """Raise LibraryError for a library without lessons, or with some of the placebo's."""
    real = [words(lesson["content"]) for lesson in active_experiences(library)]
    if not real:
        raise LibraryError(
            "the library has no lessons, so there is nothing for a placebo to replace"
        )
    if shared := [content for content in lessons if words(content) in real]:
        raise LibraryError(
            f"{len(shared)} of the placebo's {len(lessons)} lessons are also in the library, such "
            f"as {shared[0]!r}: name a library of another domain"
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
    """Describe how long the placebo and the library are."""
    return f"{describe_length(placebo)}, in the place of {describe_length(library)}"


def describe_length(library: Library) -> str:
    """Describe how many lessons a library has, and how long they are."""
    tokens = length(library) // _CHARACTERS_PER_TOKEN
    return f"{len(active_experiences(library))} lessons of about {tokens:,} tokens"
