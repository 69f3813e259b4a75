"""A training run, planned from what people give: names, paths, rows and objects."""

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
from training_free_grpo.session.given import (
    ModelLike,
    ToolLike,
    read_agent_like,
    read_grader_like,
    read_models,
    read_settings_like,
    read_tools,
)
from training_free_grpo.session.places import open_folder
from training_free_grpo.session.problems import compares, read_source
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget


@dataclass(frozen=True)
class PlannedTraining:
    """A training run that is to be made or resumed, with notes on its problems."""

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
    """Plan a training run; raise UserError for what cannot be used."""
    chosen, own_tools = read_tools(read_settings_like(settings, problems), tools)
    chosen, objects = read_models(
        chosen, models, model=model, reflection_model=reflection_model, judge_model=judge_model
    )
    own_grader, grader_name = read_grader_like(grader, problems)
    runnable, agent_name = read_agent_like(agent, loadable=cluster is not None)
    truth = compares(grader_name) and not chosen.directly_generated
    source = read_source(problems, limit=limit, sample=sample, mapping=mapping, needs_truth=truth)
    folder, start, parent = open_folder(Path(runs_dir), run, fork, library)
    training = TrainingRun(
        folder=folder,
        settings=chosen,
        problems=source.problems,
        library=start,
        agent=runnable,
        # The workers of a cluster load an agent by the name that a person gave it.
        agent_name=None
        if cluster and agent is not None and not isinstance(agent, str)
        else agent_name,
        tools=own_tools,
        grader=own_grader,
        grader_name=grader_name,
        models=objects,
        traces=source.traces,
        parent=parent,
        database=database,
        cluster=cluster,
        budget=budget or Budget(),
    )
    training.check_place()
    return PlannedTraining(training, source.notes)
