"""An evaluation, planned from user input, carried out, and reported."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_free_grpo.graders import Grader
from training_free_grpo.library import LibraryLike
from training_free_grpo.models import Models
from training_free_grpo.records import Evaluation, EvaluationReport
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.runs.evaluation import EvaluationRun
from training_free_grpo.runs.folder import name_run
from training_free_grpo.session.arms import BASELINE, compare_arms, plan_arms
from training_free_grpo.session.given import ModelLike, ToolLike, choose
from training_free_grpo.session.places import read_library_like
from training_free_grpo.session.problems import check_unseen, compares, read_source
from training_free_grpo.settings import Settings
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.files import write_atomically


@dataclass(frozen=True)
class PlannedEvaluation:
    """A planned evaluation, with notes on it."""

    run: EvaluationRun
    notes: list[str]
    arm_notes: dict[str, str]
    """By arm: how it was built. Arms that are planned later add theirs."""

    def report(self, found: Mapping[str, Evaluation]) -> EvaluationReport:
        """Build the report; a named evaluation saves it in its folder."""
        said = report_evaluations(found, self.arm_notes)
        if self.run.folder:
            write_atomically(self.run.folder / "evaluation.json", json.dumps(said) + "\n")
        return said


def plan_evaluation(
    problems: Any,
    *,
    library: LibraryLike | None = None,
    baseline: bool = False,
    placebo: LibraryLike | None = None,
    equal_cost: bool = False,
    model: ModelLike | None = None,
    judge_model: ModelLike | None = None,
    models: Models | None = None,
    grader: Grader | str = "auto",
    agent: Agent | str | None = None,
    tools: str | Sequence[ToolLike] | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    run: str | None = None,
    runs_dir: str | Path = "runs",
    budget: Budget | None = None,
    mapping: Mapping[str, str] | Sequence[str] | None = None,
    limit: int | None = None,
    sample: int | None = None,
    allow_overlap: bool = False,
) -> PlannedEvaluation:
    """Plan the arms of an evaluation over the same problems; raise UserError for bad input."""
    named = {"model": model, "judge_model": judge_model}
    who = choose(problems, settings, models, tools, grader, agent, named)
    truth = compares(who.grader_name)
    source = read_source(problems, limit=limit, sample=sample, mapping=mapping, needs_truth=truth)
    learned, other = (
        each if each is None else read_library_like(each, Path(runs_dir))
        for each in (library, placebo)
    )
    notes = list(source.notes)
    notes += check_unseen((learned, other), source.problems, allow_overlap)
    arms = plan_arms(who.settings, learned, baseline=baseline, placebo=other, equal_cost=equal_cost)
    parts = {name: part for name, part in vars(who).items() if name != "settings"}
    evaluation = EvaluationRun(
        problems=source.problems,
        arms=arms.arms,
        folder=name_run(Path(runs_dir), run) if run is not None else None,
        budget=budget or Budget(),
        **parts,
    )
    if equal_cost and not evaluation.attempter.replayable:
        notes.append("your agent's own calls are not recorded, so equal cost repeats all attempts")
    return PlannedEvaluation(evaluation, notes, arms.notes)


def report_evaluations(
    found: Mapping[str, Evaluation], notes: Mapping[str, str]
) -> EvaluationReport:
    """Combine evaluations with the differences between the library and each other arm."""
    differences = compare_arms(found)
    return {
        "evaluations": dict(found),
        "difference": differences.get(BASELINE),
        "differences": differences,
        "notes": dict(notes),
    }
