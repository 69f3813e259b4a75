"""Assemble a log, and write it whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from training_free_grpo.inspect_logs.samples import make_sample
from training_free_grpo.inspect_logs.usage import read_usage, total
from training_free_grpo.records import JSON, Ledger, Role, RoleCost
from training_free_grpo.settings import SettingsError
from training_free_grpo.storage.files import replacing

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalResults, EvalSpec, EvalStats
    from inspect_ai.model import ModelUsage


@dataclass(frozen=True)
class Subject:
    """The subject of a log: one step of a run, or one evaluation."""

    task: str
    arguments: JSON
    run: str
    """The id shared by the logs of one run, and by no others."""
    created: str
    """The time of completion: in UTC, in ISO 8601 format."""
    started: str
    model: str
    """The model that made the attempts."""
    temperature: float | None
    agent: str
    grader: str
    rows: Sequence[JSON]
    """The rollouts, with their results."""
    groups: Mapping[str, JSON]
    """By problem."""
    mean: float | None
    usage: Ledger
    costs: Mapping[str, RoleCost]
    metadata: JSON = field(default_factory=dict)


def check_inspect() -> None:
    """Raise SettingsError where the extra is not installed."""
    if find_spec("inspect_ai") is None:
        raise SettingsError(
            "logs for Inspect need its package: pip install 'training-free-grpo[inspect]'"
        )


async def write_log(subject: Subject, file: Path) -> None:
    """Write a log; a reader sees all of it or nothing."""
    from inspect_ai.log import write_eval_log_async

    log = await make_log(subject)
    with replacing(file) as part:
        await write_eval_log_async(log, part, "eval")


async def make_log(subject: Subject) -> "EvalLog":
    """Assemble a log."""
    from inspect_ai.log import EvalLog

    costs = subject.costs
    roles = {role: read_usage(used, costs[role]["cost"]) for role, used in subject.usage.items()}
    spec = make_spec(subject)
    models = {role: cost["model"] for role, cost in costs.items()}
    samples = [
        await make_sample(
            row,
            subject.groups.get(row["problem_id"], {}),
            subject.grader,
            subject.model,
            models,
            spec.eval_id,
        )
        for row in subject.rows
    ]
    return EvalLog(
        status="success",
        eval=spec,
        results=make_results(subject),
        stats=make_stats(subject, roles),
        samples=samples,
    )


def make_spec(subject: Subject) -> "EvalSpec":
    """Describe what was evaluated, and how."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec
    from inspect_ai.model import GenerateConfig

    id = uuid5(NAMESPACE_OID, f"{subject.run} {subject.task}").hex
    problems = list(dict.fromkeys(row["problem_id"] for row in subject.rows))
    return EvalSpec(
        eval_id=id,
        run_id=uuid5(NAMESPACE_OID, subject.run).hex,
        created=subject.created,
        task=subject.task,
        task_id=id,
        task_args=subject.arguments,
        solver=subject.agent,
        dataset=EvalDataset(samples=len(problems), sample_ids=problems),
        model=subject.model,
        model_generate_config=GenerateConfig(temperature=subject.temperature),
        config=EvalConfig(epochs=max((row["attempt"] + 1 for row in subject.rows), default=None)),
        metadata=subject.metadata,
    )


def make_results(subject: Subject) -> "EvalResults":
    """Return the results of the attempts."""
    from inspect_ai.log import EvalMetric, EvalResults, EvalScore

    rows, scorer = subject.rows, subject.grader
    graded = sum(row.get("reward") is not None for row in rows)
    mean = {"mean": EvalMetric(name="mean", value=subject.mean)} if subject.mean is not None else {}
    return EvalResults(
        total_samples=len(rows),
        completed_samples=sum(not row["missing"] for row in rows),
        scores=[
            EvalScore(
                name=scorer,
                scorer=scorer,
                metrics=mean,
                scored_samples=graded,
                unscored_samples=len(rows) - graded,
            )
        ],
    )


def make_stats(subject: Subject, roles: "dict[Role, ModelUsage]") -> "EvalStats":
    """Return the duration and the usage."""
    from inspect_ai.log import EvalStats

    return EvalStats(
        started_at=min(subject.started, subject.created),  # a copied file may have a later time
        completed_at=subject.created,
        model_usage=total((subject.costs[role]["model"], used) for role, used in roles.items()),
        role_usage=roles,
    )
