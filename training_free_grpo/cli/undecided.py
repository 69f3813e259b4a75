"""Warnings about attempts that the grader left undecided."""

from collections import Counter
from collections.abc import Iterable, Mapping

from training_free_grpo.records import Evaluation, Metrics

FEW = 0.03
"""Share of undecided attempts above which a run warns at its end."""
REMEDY = (
    "Set judge_model to let a model decide them, check the accepted answers, or choose another "
    "grader."
)
_EXAMPLES = 2
_SHOWN = 200


def warn_of_undecided(undecided: Mapping[str, int], attempts: int) -> str | None:
    """Warn if the grader left more than a few attempts undecided."""
    count = sum(undecided.values())
    if count <= FEW * attempts:
        return None
    return (
        f"the grader left {count:,} of {attempts:,} attempts undecided ({count / attempts:.0%}); "
        f"they count as neither right nor wrong. {REMEDY} {give_examples(undecided)}"
    )


def warn_of_steps(steps: Iterable[Metrics]) -> str | None:
    """Warn about the steps of a run."""
    steps = list(steps)
    undecided: Counter[str] = Counter()
    for step in steps:
        undecided.update(step.get("undecided", {}))
    return warn_of_undecided(undecided, sum(step["rollouts"] for step in steps))


def warn_of_evaluation(evaluation: Evaluation) -> str | None:
    """Warn about an evaluation."""
    attempts = evaluation["problems"] * evaluation["attempts"]
    return warn_of_undecided(evaluation.get("undecided", {}), attempts)


def give_examples(undecided: Mapping[str, int]) -> str:
    """Quote the most frequent messages of the grader."""
    said = [" ".join(text.split()) for text, _ in Counter(undecided).most_common(_EXAMPLES)]
    shown = (text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…" for text in said)
    return f"For example: {' / '.join(shown)}"
