"""What each lesson of a run is worth, read from its rollouts."""

import re
from collections import Counter
from collections.abc import Iterator

from typing_extensions import TypedDict

from training_free_grpo.library import active_experiences
from training_free_grpo.records import JSON
from training_free_grpo.runs.files import read_libraries, read_metrics, read_rollouts
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.validation.effects import Attempted, Effect, estimate_effects

_ID = re.compile(r"\bG\d+\b")


class LessonEffect(TypedDict):
    """One lesson and what seeing it adds to the reward."""

    id: str
    content: str
    effect: float | None
    """In units of the reward; None if there are too few attempts to compare."""
    interval: tuple[float, float] | None
    """95 % interval, for this lesson alone."""
    with_it: int
    """Graded attempts that saw the lesson."""
    without_it: int
    """Graded attempts from which it was hidden."""
    named: int
    """Attempts whose messages name the lesson's id. They name it after the fact: this is no
    evidence."""


def read_effects(run: RunFolder) -> list[LessonEffect]:
    """Return the active lessons at the end of a run and their effects, best first."""
    libraries = read_libraries(run.path)
    lessons = active_experiences(libraries[-1][1]) if libraries else []
    attempts, named = [], Counter[str]()
    for line in read_lines_of(run):
        named.update(names(line))
        attempts.append(read_attempt(line))
    found = estimate_effects(attempts)
    effects = [
        describe_effect(lesson["id"], lesson["content"], found.get(lesson["id"]), named)
        for lesson in lessons
    ]
    return sorted(effects, key=lambda effect: -(effect["effect"] or 0.0))


def read_lines_of(run: RunFolder) -> Iterator[JSON]:
    """Return the graded attempts of the finished steps."""
    for step in read_metrics(run.path):
        for line in read_rollouts(run.path, step["step"]).values():
            if line.get("reward") is not None:
                yield line


def read_attempt(line: JSON) -> Attempted:
    """Read one line of `rollouts/`."""
    hidden = frozenset(line.get("hidden", ()))
    return Attempted(
        visit=f"{line['step']}/{line['problem_id']}",
        problem=line["problem_id"],
        lessons=[*line["lessons"], *hidden],
        hidden=hidden,
        reward=line["reward"],
    )


def names(line: JSON) -> set[str]:
    """Return the shown lessons whose ids an attempt names in its own words."""
    own = (str(m["content"]) for m in line["messages"] if m["role"] == "assistant")
    return set(_ID.findall(" ".join(own))) & set(line["lessons"])


def describe_effect(
    id: str, content: str, effect: Effect | None, named: Counter[str]
) -> LessonEffect:
    """Return a lesson's effect as plain JSON."""
    return {
        "id": id,
        "content": content,
        "effect": effect.value if effect else None,
        "interval": effect.interval if effect else None,
        "with_it": effect.with_it if effect else 0,
        "without_it": effect.without_it if effect else 0,
        "named": named[id],
    }
