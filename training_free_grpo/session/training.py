"""A training run, planned from user input: names, paths, rows and objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_free_grpo.executors import Cluster
from training_free_grpo.graders import Grader
from training_free_grpo.library import LibraryLike
from training_free_grpo.models import Models
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.session.given import ModelLike, ToolLike, choose
from training_free_grpo.session.places import open_folder
from training_free_grpo.session.problems import compares, read_source
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget


@dataclass(frozen=True)
class PlannedTraining:
    """A training run to start or resume, with notes on its problems."""

    run: TrainingRun
    notes: list[str]


def plan_training(
    problems: Any,
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
    mapping: Mapping[str, str] | Sequence[str] | None = None,
    limit: int | None = None,
    sample: int | None = None,
) -> PlannedTraining:
    """Plan a training run; raise UserError for unusable input."""
    named = {"model": model, "reflection_model": reflection_model, "judge_model": judge_model}
    loadable = cluster is not None
    who = choose(problems, settings, models, tools, grader, agent, named, loadable=loadable)
    truth = compares(who.grader_name) and not who.settings.directly_generated
    source = read_source(problems, limit=limit, sample=sample, mapping=mapping, needs_truth=truth)
    folder, start, parent = open_folder(Path(runs_dir), run, fork, library)
    training = TrainingRun(
        folder=folder,
        problems=source.problems,
        library=start,
        traces=source.traces,
        parent=parent,
        database=database,
        cluster=cluster,
        budget=budget or Budget(),
        **vars(who),
    )
    training.check_place()
    return PlannedTraining(training, source.notes)
