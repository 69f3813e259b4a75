"""The front door from Python: train, evaluate and compare, as the commands do."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from training_free_grpo.background import run_sync
from training_free_grpo.executors import Cluster
from training_free_grpo.graders import Grader
from training_free_grpo.library import LibraryLike
from training_free_grpo.models import Models
from training_free_grpo.records import Evaluation, EvaluationReport
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.session.evaluation import plan_evaluation
from training_free_grpo.session.given import ModelLike, ToolLike
from training_free_grpo.session.making import OnEvent, make_evaluation, make_training
from training_free_grpo.session.problems import Problems
from training_free_grpo.session.result import TrainingResult
from training_free_grpo.session.training import plan_training
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget

P = ParamSpec("P")
R = TypeVar("R")


async def atrain(
    problems: Problems,
    *,
    model: ModelLike | None = None,
    reflection_model: ModelLike | None = None,
    judge_model: ModelLike | None = None,
    models: Models | None = None,
    grader: Grader | str = "auto",
    agent: Agent | str | None = None,
    tools: str | Sequence[ToolLike] | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    library: LibraryLike | None = None,
    run: str | None = None,
    runs_dir: str | Path = "runs",
    fork: str | None = None,
    budget: Budget | None = None,
    database: str | None = None,
    cluster: Cluster | None = None,
    mapping: Mapping[str, str] | None = None,
    limit: int | None = None,
    sample: int | None = None,
    on_event: OnEvent | None = None,
    progress: bool = False,
) -> TrainingResult:
    """Learn a library from problems, and return it with the figures of the run.

    With `run`, the files are saved in `runs_dir`, and the same call resumes the run where it
    stopped, without paying for anything twice. `problems` are rows (dicts, a table of pandas,
    polars or pyarrow, a data set of the hub's), a file, the name of a data set, or recorded
    attempts. Models, graders and agents are names, as on the command line, or objects. `on_event`
    is called with each event of the run; `progress` shows a bar with tokens and dollars.

    Raise UserError, including OutOfBudget, for errors that a user can fix.
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_PLANNED}
    plan, named = plan_training(problems, **options), run is not None
    state = await make_training(plan, named=named, on_event=on_event, progress=progress)
    return TrainingResult.of(plan.run, state, named=named)


async def aevaluate(
    problems: Problems,
    library: LibraryLike | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    model: ModelLike | None = None,
    judge_model: ModelLike | None = None,
    models: Models | None = None,
    grader: Grader | str = "auto",
    agent: Agent | str | None = None,
    tools: str | Sequence[ToolLike] | None = None,
    run: str | None = None,
    runs_dir: str | Path = "runs",
    budget: Budget | None = None,
    mapping: Mapping[str, str] | None = None,
    limit: int | None = None,
    sample: int | None = None,
    allow_overlap: bool = False,
    on_event: OnEvent | None = None,
    progress: bool = False,
) -> Evaluation:
    """Attempt each problem `settings.attempts` times, with the library if one is given.

    The arguments are those of `train`. With `run`, answers are saved as they arrive, and the same
    call resumes the evaluation. Raise OverlapError for problems that the library was learned from,
    unless `allow_overlap` is given.
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_PLANNED}
    report = await make_evaluation(
        plan_evaluation(problems, **options), on_event=on_event, progress=progress
    )
    (found,) = report["evaluations"].values()
    return found


async def acompare(
    problems: Problems,
    library: LibraryLike,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    placebo: LibraryLike | None = None,
    equal_cost: bool = False,
    model: ModelLike | None = None,
    judge_model: ModelLike | None = None,
    models: Models | None = None,
    grader: Grader | str = "auto",
    agent: Agent | str | None = None,
    tools: str | Sequence[ToolLike] | None = None,
    run: str | None = None,
    runs_dir: str | Path = "runs",
    budget: Budget | None = None,
    mapping: Mapping[str, str] | None = None,
    limit: int | None = None,
    sample: int | None = None,
    allow_overlap: bool = False,
    on_event: OnEvent | None = None,
    progress: bool = False,
) -> EvaluationReport:
    """Evaluate with a library and without, on the same problems, and compare.

    `placebo` is an unrelated library: an arm shows its lessons instead, at similar length.
    `equal_cost` adds an arm that spends the library's cost on extra attempts without it. The other
    arguments are those of `evaluate`.
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_PLANNED}
    plan = plan_evaluation(problems, baseline=True, **options)
    return await make_evaluation(plan, on_event=on_event, progress=progress)


_NOT_PLANNED = ("problems", "on_event", "progress")
"""Arguments that are not part of the plan."""


def synchronous(call: Callable[P, Coroutine[Any, Any, R]], name: str) -> Callable[P, R]:
    """Return a function that makes an asynchronous call and waits for it."""

    @wraps(call)
    def wait(*given: P.args, **options: P.kwargs) -> R:
        return run_sync(call(*given, **options))

    wait.__name__ = wait.__qualname__ = name
    return wait


train = synchronous(atrain, "train")
"""`atrain` for callers without an event loop: scripts, notebooks, threads."""
evaluate = synchronous(aevaluate, "evaluate")
"""`aevaluate` for callers without an event loop."""
compare = synchronous(acompare, "compare")
"""`acompare` for callers without an event loop."""
