"""Carry out planned work from Python: check, run, and return the result."""

from collections.abc import Callable
from contextlib import nullcontext

from training_free_grpo.models.simulation import warn_of_simulation
from training_free_grpo.records import JSON, EvaluationReport, Event
from training_free_grpo.runs.evaluation import Arm
from training_free_grpo.session.evaluation import PlannedEvaluation
from training_free_grpo.session.progress import Bar
from training_free_grpo.session.training import PlannedTraining
from training_free_grpo.spending.budget import OutOfBudget

OnEvent = Callable[[Event], object]
"""Called with each event of a run."""


async def make_training(
    plan: PlannedTraining,
    *,
    named: bool,
    on_event: OnEvent | None = None,
    progress: bool = False,
) -> JSON:
    """Carry out or resume a run, and return its state."""
    run = plan.run
    warn_of_simulation(run.settings, *(model for model, _ in run.prices.values()))
    await run.check()
    bar = Bar.for_training(run) if progress else None
    try:
        with bar or nullcontext():
            return await run.run(hear(on_event, bar))
    except OutOfBudget as error:
        raise explain_stop(error, "train", named=named) from None


async def make_evaluation(
    plan: PlannedEvaluation, *, on_event: OnEvent | None = None, progress: bool = False
) -> EvaluationReport:
    """Carry out or resume an evaluation, and return its report."""
    run = plan.run
    warn_of_simulation(run.settings, run.prices["rollout"][0])
    await run.check()
    bar = Bar.for_evaluation(run) if progress else None

    def begin(arm: Arm) -> None:
        if bar:
            bar.begin(arm.name)

    try:
        with bar or nullcontext():
            found = await run.run(begin, hear(on_event, bar))
    except OutOfBudget as error:
        raise explain_stop(error, "evaluate", named=run.folder is not None) from None
    return plan.report(found)


def hear(on_event: OnEvent | None, bar: Bar | None) -> Callable[[Event], None]:
    """Return the listener for events."""

    def tell(event: Event) -> None:
        if bar:
            bar.hear(event)
        if on_event:
            on_event(event)

    return tell


def explain_stop(error: OutOfBudget, call: str, *, named: bool) -> OutOfBudget:
    """Say how to resume a run whose budget is used up."""
    rest = "name it with run= to be able to resume"
    if named:
        rest = f"call {call}() again with a larger budget to resume; nothing is paid for twice"
    return OutOfBudget(f"{error}. {'Nothing was saved: ' if not named else ''}{rest}")
