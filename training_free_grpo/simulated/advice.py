"""Read lessons as the simulated agent does: whether one fits, and what it recommends."""

import re

from training_free_grpo.simulated.approaches import Approach, Family

_AGAINST = re.compile(
    r"\b(?:rather than|instead of|never|do not|don't|not|avoid)\b[^,;.]*", re.IGNORECASE
)


def recommended(lesson: str, family: Family) -> Approach | None:
    """Return the one approach to this kind of problem that the lesson recommends, if any.

    A lesson that does not mention the kind, or names no step or two at once, recommends nothing.
    """
    if not re.search(family.topic, lesson, re.IGNORECASE):
        return None
    advice = _AGAINST.sub(" ", lesson)
    fitting = [a for a in family.approaches if re.search(a.sign, advice, re.IGNORECASE)]
    return fitting[0] if len(fitting) == 1 else None


def fitting_lessons(lessons: dict[str, str], family: Family) -> list[tuple[str, Approach]]:
    """Return the ids of the lessons that fit this kind of problem, with their recommendations."""
    read = ((key, recommended(lesson, family)) for key, lesson in lessons.items())
    return [(key, approach) for key, approach in read if approach]
