"""What is left of a table to be paid for."""

from collections.abc import Sequence

from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.work import Learning, Work
from training_free_grpo.records import Metrics
from training_free_grpo.spending.forecast import (
    GROWTH,
    Forecast,
    add_forecasts,
    forecast_evaluation,
    forecast_training,
    share_compared,
)


def forecast(plan: PaperPlan) -> Forecast | None:
    """Forecast what the folder does not hold yet; None if it holds everything."""
    left = [forecast_work(work) for work in plan.left()]
    return add_forecasts(left) if left else None


def forecast_work(work: Work) -> Forecast:
    """Forecast what is left of a piece of work."""
    if isinstance(work, Learning):
        return forecast_learning(work, work.steps)
    once, attempts = work.settings.model_copy(update={"attempts": 1}), work.left
    if work.learning and not work.learning.finished:
        lessons = expect_lessons(work.learning)
        return forecast_evaluation(once, attempts, is_judged(work), lessons=lessons)
    return forecast_evaluation(once, attempts, is_judged(work), work.library)


def forecast_learning(learning: Learning, done: Sequence[Metrics]) -> Forecast:
    """Forecast what is left to be learned after the steps that are done."""
    problems = learning.data.problems
    return forecast_training(learning.settings, problems, is_judged(learning), done)


def is_judged(work: Work) -> bool:
    """Tell whether a model may be asked for grades."""
    return work.data.grader == "judge" or work.settings.judge_model is not None


def expect_lessons(learning: Learning) -> int:
    """Guess how many lessons a library will have."""
    visits = learning.settings.epochs * len(learning.data.problems)
    lessons = round(visits * share_compared(learning.settings) * GROWTH)
    return min(lessons, expect_lessons(learning.as_many_as)) if learning.as_many_as else lessons
