"""The remaining cost of a table."""

from training_free_grpo.learning.judging import is_judged
from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.work import Learning, Work
from training_free_grpo.spending.forecast import (
    GROWTH,
    Forecast,
    add_forecasts,
    forecast_evaluation,
    share_compared,
)


def forecast(plan: PaperPlan) -> Forecast | None:
    """Forecast what is missing in the folder; None if nothing is."""
    left = [forecast_work(work) for work in plan.left()]
    return add_forecasts(left) if left else None


def forecast_work(work: Work) -> Forecast:
    """Forecast the rest of a piece of work."""
    if isinstance(work, Learning):
        return work.run.forecast()
    once, attempts = work.settings.model_copy(update={"attempts": 1}), work.left
    judged = is_judged(work.settings, work.data.grader)
    if work.learning and not work.learning.finished:
        lessons = expect_lessons(work.learning)
        return forecast_evaluation(once, attempts, judged, lessons=lessons)
    return forecast_evaluation(once, attempts, judged, work.library)


def expect_lessons(learning: Learning) -> int:
    """Estimate how many lessons a library will have."""
    visits = learning.settings.epochs * len(learning.data.problems)
    lessons = round(visits * share_compared(learning.settings) * GROWTH)
    return min(lessons, expect_lessons(learning.as_many_as)) if learning.as_many_as else lessons
