"""The page: a run's figures, library, history and groups in one file.

Everything that models, web pages and data sets wrote passes Jinja's escaping, the page holds no
script and no address, and its policy lets a browser run and load nothing.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training_free_grpo import __version__
from training_free_grpo.ledger import total_usage
from training_free_grpo.library import (
    active_experiences,
    empty_library,
    load_library,
)
from training_free_grpo.prices import dollars
from training_free_grpo.records import Library
from training_free_grpo.report.charts import Chart, Point, draw
from training_free_grpo.report.losses import count_missing, count_undecided, list_lost
from training_free_grpo.report.steps import Step, by_person, count_graded, read_steps
from training_free_grpo.report.wording import (
    compact,
    compare_words,
    percent,
    plain,
    share,
    show_controls,
)
from training_free_grpo.runs.files import read_libraries
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.outcome import learned_nothing
from training_free_grpo.runs.reviews import read_pending
from training_free_grpo.runs.status import RunStatus, read_status
from training_free_grpo.storage.files import write_atomically
from training_free_grpo.text import well_formed

_ROLES = "rollout judge summarize extract_advantage edit_experiences"
"""In the order in which they run."""


def write_report(folder: RunFolder, output: Path) -> int:
    """Write the report of a run, finished or not; return the size of the file in bytes."""
    text = render(folder)
    write_atomically(output, text)
    return len(text.encode())


def render(folder: RunFolder) -> str:
    """Write the page."""
    templates = Path(__file__).parent
    style = (templates / "page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    status, library = read_status(folder), final_library(folder)
    rollouts = sum(step["rollouts"] for step in folder.metrics)
    rollouts += status["current"]["rollouts"] if status["current"] else 0
    steps = read_steps(folder, rollouts)
    measured = [step for step in steps if step.figures]
    finished = [step.figures for step in steps if step.figures]
    settings = folder.settings
    template = environment(templates).get_template("page.html")
    text = template.render(
        style=style,
        style_hash=digest,
        version=__version__,
        name=folder.path.resolve().name,
        status=status,
        manifest=folder.manifest,
        settings=settings.changed(),
        attempts=not settings.directly_generated,
        steps=steps,
        measured=measured,
        pending=read_pending(folder.path),
        nothing=explain_nothing(measured, status),
        missing=count_missing(finished, status),
        undecided=count_undecided(finished, status),
        lost=list(list_lost(finished)),
        rollouts=rollouts,
        metrics=finished,
        lessons=active_experiences(library),
        retired=[e for e in library["experiences"].values() if e["status"] == "deleted"],
        inherited=inherited(folder),
        roles=sorted(status["usage"], key=lambda role: (_ROLES.find(role), role)),
        groups={(s.number, g.problem_id): g for s in steps for g in s.groups},
        curves=draw_rewards(measured),
        charts=draw_others(measured),
    )
    return show_controls(str(well_formed(text)))


def environment(templates: Path) -> Any:
    """Return the templates' environment: everything is escaped, and undefined names are errors."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "percent": percent,
        "compact": compact,
        "dollars": lambda cost: cost if cost == "unknown" else dollars(cost),
        "reward": lambda reward: f"{reward:.3g}",
        "compare": compare_words,
    }
    found.tests["by_person"] = by_person
    return found


def final_library(folder: RunFolder) -> Library:
    """Return what the run has learned so far."""
    file = folder.path / "library.json"
    return load_library(file) if file.exists() else empty_library()


def inherited(folder: RunFolder) -> set[str]:
    """Return the lessons that the run started from; their steps belong to another run."""
    return {
        id for step, lib in read_libraries(folder.path) if step == 0 for id in lib["experiences"]
    }


def explain_nothing(measured: Sequence[Step], status: RunStatus) -> str | None:
    """Say why a finished or stopped run has learned nothing; None if it has learned."""
    if not measured or status["state"] not in ("finished", "stopped"):
        return None
    rollouts = sum(step.figures["rollouts"] for step in measured if step.figures)
    if rollouts and not any(step.graded for step in measured):
        return "nothing was learned: every rollout is missing, see Losses for the reasons."
    return learned_nothing([step.figures for step in measured if step.figures])


def draw_rewards(measured: Sequence[Step]) -> list[tuple[str, Chart]]:
    """Draw the learning curve, wide and for a phone; nothing before there is a reward."""
    points = [
        Point(step.number, step.figures["mean_reward"], step.interval)
        for step in measured
        if step.figures
    ]
    if not any(point.value is not None for point in points):
        return []
    sizes = {"wide": (860, 320, 74), "narrow": (340, 170, 50)}
    return [
        (kind, draw("Mean reward", points, share, size, most=1.0)) for kind, size in sizes.items()
    ]


def draw_others(measured: Sequence[Step]) -> list[Chart]:
    """Draw the other curves: tool calls, library size, tokens, and cost if known."""
    metrics = [step.figures for step in measured if step.figures]
    tokens = {step["step"]: total_usage(step["usage"]) for step in metrics}
    tools = {s["step"]: s["tool_calls"] for s in metrics if count_graded(s)}
    costs = {s["step"]: cost for s in metrics if (cost := s["cost"]) != "unknown"}
    curves: list[tuple[str, dict[int, float], Callable[[float], str]]] = [
        ("Tool calls per rollout", tools, plain),
        ("Lessons in the library", {s["step"]: s["library_size"] for s in metrics}, plain),
        ("Tokens", {n: u["input"] + u["output"] for n, u in tokens.items()}, compact),
        ("Cost", costs, dollars),
    ]
    return [
        draw(title, [Point(s["step"], found.get(s["step"])) for s in metrics], write)
        for title, found, write in curves
        if any(found.values())
    ]
