"""Forecast the cost of learning from recorded attempts."""

from collections.abc import Sequence

from training_free_grpo.learning.batches import count_steps
from training_free_grpo.learning.contrast import has_contrast
from training_free_grpo.library import active_experiences
from training_free_grpo.metrics.figures import mean
from training_free_grpo.records import Library, Metrics
from training_free_grpo.rollouts.recorded import Recorded
from training_free_grpo.settings import Settings
from training_free_grpo.spending.forecast import (
    CONTRAST,
    GROWTH,
    LESSON,
    SECONDS,
    Forecast,
    assume_judge,
    assume_reflection,
    count_tokens,
    forecast_training,
    lessons_shown,
    make_forecast,
    minutes_of,
    share_compared,
)
from training_free_grpo.traces import Trace, Traces


def forecast_traces(
    settings: Settings,
    traces: Traces,
    judged: bool,
    done: Sequence[Metrics] = (),
    *,
    library: Library | None = None,
) -> Forecast:
    """Forecast the rest of learning from recorded attempts after the finished steps.

    `judged` tells whether a model grades what comes without a reward.
    """
    if done:
        left = forecast_training(settings, traces.problems, judged, done, library=library)
        return {**left, "rollouts": 0}
    groups = [traces.attempts[problem["id"]] for problem in traces.problems] * settings.epochs
    steps = count_steps(len(traces.problems), settings)
    known = [group for group in groups if all(trace.reward is not None for trace in group)]
    contrast = sum(has_contrast(trace.reward for trace in group) for group in known)
    every = share_compared(settings) == 1
    compared = len(groups) if every else contrast + CONTRAST * (len(groups) - len(known))
    attempts = [trace for group in groups for trace in group]
    lessons = len(active_experiences(library)) if library else 0
    shown = lessons_shown(settings, lessons + compared * GROWTH / 2) * LESSON
    length = mean(map(measure, attempts)) or 0.0
    size = len(attempts) / len(groups)
    problems = traces.problems
    ledger = assume_reflection(settings, problems, compared, size, steps, shown, length)
    if judged and (ungraded := sum(trace.reward is None for trace in attempts)):
        answer = mean(count_tokens(trace.messages[-1].text) for trace in attempts) or 0.0
        ledger |= assume_judge(problems, ungraded, answer)
    minutes = minutes_of(settings, ledger, 0, steps, SECONDS)
    basis = "" if every else describe_contrast(len(groups), len(known), contrast)
    basis += f"{SECONDS:g} s a call"
    return make_forecast(settings, ledger, 0, minutes, basis, Recorded(traces))


def measure(trace: Trace) -> float:
    """Estimate the tokens of an attempt."""
    return sum(count_tokens(str(message.content)) for message in trace.messages)


def describe_contrast(groups: int, known: int, contrast: int) -> str:
    """Describe the contrast of the graded groups, and what is assumed of the others."""
    said = f"{contrast:,} of {known:,} groups have contrast, " if known else ""
    if rest := groups - known:
        said += f"{CONTRAST:.0%} of the {rest:,} yet to be graded are assumed to have it, "
    return said
