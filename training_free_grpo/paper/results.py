"""The figures of a table as plain JSON."""

from collections.abc import Mapping, Sequence

from training_free_grpo.ledger import total_usage
from training_free_grpo.library import active_experiences
from training_free_grpo.metrics import compare_evaluations
from training_free_grpo.metrics.evaluation import figure
from training_free_grpo.metrics.figures import best_of, mean
from training_free_grpo.metrics.student import limits_of
from training_free_grpo.paper.plan import PaperPlan
from training_free_grpo.paper.tables import Column, Method
from training_free_grpo.paper.work import Learning, Measurement
from training_free_grpo.records import JSON, Evaluation
from training_free_grpo.runs.outcome import learned_nothing

AVERAGE = "average"


def put_together(plan: PaperPlan, differences: Sequence[str]) -> JSON:
    """Return the results of a finished table: our figures, their cost, and the published ones."""
    table, titles = plan.table, name_columns(plan)
    views = {method.name: view_columns(plan, method) for method in table.methods}
    return {
        "table": table.name,
        "title": table.title,
        "source": table.source,
        "model": plan.options["model"],
        "columns": titles,
        "differences": list(differences),
        "methods": [describe_method(method, views) for method in table.methods],
        "evaluations": [describe_measurement(m) for m in plan.measurements()],
        "libraries": [describe_learning(learning) for learning in plan.learnings()],
        "published": [
            {
                "method": row.method,
                "model": row.model,
                "cost": row.cost,
                "figures": dict(zip(titles, row.figures, strict=True)),
            }
            for row in table.published
        ],
    }


def name_columns(plan: PaperPlan) -> list[str]:
    """Name the columns of the table, as they are measured here."""
    titles = [column.title(plan.attempts_of(column)) for column in plan.table.columns]
    return [*titles, AVERAGE] if plan.table.average else titles


def view_columns(plan: PaperPlan, method: Method) -> dict[str, Evaluation]:
    """Return the results of a method in each column."""
    columns = plan.table.columns
    views = [view_column(c, result_of(plan.measurement_of(method, c))) for c in columns]
    if plan.table.average:
        names = [column.dataset for column in columns]
        views.append(pool(dict(zip(names, views, strict=True))))
    return dict(zip(name_columns(plan), views, strict=True))


def result_of(measurement: Measurement) -> Evaluation:
    """Return the result of a finished measurement."""
    result = measurement.result
    assert result is not None, f"{measurement.file} is missing"
    return result


def view_column(column: Column, evaluation: Evaluation) -> Evaluation:
    """Return the evaluation as the column counts it: for pass@k, only the best attempt."""
    if not column.best:
        return evaluation
    k = evaluation["attempts"]
    known = {id: [r for r in row if r is not None] for id, row in evaluation["rewards"].items()}
    best = evaluation["pass_at"][str(k)]
    return {
        **evaluation,
        "mean": best["value"],
        "interval": best["interval"],
        "rewards": {id: [best_of(rewards, k)] for id, rewards in known.items()},
    }


def pool(evaluations: Mapping[str, Evaluation]) -> Evaluation:
    """Combine data sets; each problem counts once."""
    rewards = {
        f"{name}/{id}": row
        for name, evaluation in evaluations.items()
        for id, row in evaluation["rewards"].items()
    }
    limits = limits_of(r for row in rewards.values() for r in row if r is not None)
    together = figure((mean(row) for row in rewards.values()), limits)
    return {
        **next(iter(evaluations.values())),
        "mean": together["value"],
        "interval": together["interval"],
        "rewards": rewards,
    }


def describe_method(method: Method, views: Mapping[str, Mapping[str, Evaluation]]) -> JSON:
    """Return the figures of a method, and how they differ from those of its base."""
    figures = {}
    for title, found in views[method.name].items():
        base = views[method.base][title] if method.base else None
        figures[title] = {
            "value": found["mean"],
            "interval": found["interval"],
            "problems": sum(mean(row) is not None for row in found["rewards"].values()),
            "difference": compare_evaluations(base, found) if base else None,
        }
    return {"method": method.name, "base": method.base, "figures": figures}


def describe_measurement(measurement: Measurement) -> JSON:
    """Return the data and the cost of an evaluation."""
    library, found = measurement.library, result_of(measurement)
    return {
        "method": measurement.method.name,
        "dataset": measurement.data.name,
        "library": measurement.learning and measurement.learning.name,
        "lessons": len(active_experiences(library)) if library else 0,
        "problems": found["problems"],
        "attempts": found["attempts"],
        "missing": found["missing"],
        "undecided": found.get("undecided", {}),
        "tool_calls": found["tool_calls"],
        "usage": total_usage(found["usage"]),
        "cost": found["cost"],
        "folder": str(measurement.folder),
    }


def describe_learning(learning: Learning) -> JSON:
    """Return the data and the cost of a library."""
    steps, usage = learning.steps, learning.run.folder.read_json("usage.json")
    return {
        "library": learning.name,
        "dataset": learning.data.name,
        "problems": len(learning.run.problems),
        "steps": len(steps),
        "rollouts": sum(step["rollouts"] for step in steps),
        "missing": sum(sum(step["missing"].values()) for step in steps),
        "undecided": sum(sum(step.get("undecided", {}).values()) for step in steps),
        "lessons": len(active_experiences(learning.read_library())),
        "usage": usage["total"],
        "cost": usage["cost"],
        "warning": learned_nothing(steps),
        "folder": str(learning.folder),
    }
