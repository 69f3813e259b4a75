"""Attempts that the grader could not decide, in words: how many, examples, and what to do."""

from collections import Counter
from collections.abc import Iterable, Mapping

from training_free_grpo.records import Evaluation, Metrics

FEW = 0.03
"""Share of undecided attempts from which a run says so at its end."""
REMEDY = (
    "Set judge_model to let a model decide them, check the accepted answers, or choose another "
    "grader."
)
_EXAMPLES = 2
_SHOWN = 200


def warn_of_undecided(undecided: Mapping[str, int], attempts: int) -> str | None:
    """Say that more than a few attempts have no reward because the grader could not decide."""
    count = sum(undecided.values())
    if count <= FEW * attempts:
        return None
    return (
        f"the grader left {count:,} of {attempts:,} attempts undecided ({count / attempts:.0%}); "
        f"they count as neither right nor wrong. {REMEDY} {give_examples(undecided)}"
    )


def warn_of_steps(steps: Iterable[Metrics]) -> str | None:
    """Say the same of the steps of a run."""
    steps = list(steps)
    undecided: Counter[str] = Counter()
    for step in steps:
        undecided.update(step.get("undecided", {}))
    return warn_of_undecided(undecided, sum(step["rollouts"] for step in steps))


def warn_of_evaluation(evaluation: Evaluation) -> str | None:
    """Say the same of an evaluation."""
    attempts = evaluation["problems"] * evaluation["attempts"]
    return warn_of_undecided(evaluation.get("undecided", {}), attempts)


def give_examples(undecided: Mapping[str, int]) -> str:
    """Quote what the grader said most often."""
    said = [" ".join(text.split()) for text, _ in Counter(undecided).most_common(_EXAMPLES)]
    shown = (text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…" for text in said)
    return f"For example: {' / '.join(shown)}"
