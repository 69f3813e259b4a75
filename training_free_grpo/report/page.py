"""The page: a run's figures, library, history and groups, put into one file.

Everything that models, web pages and data sets wrote passes Jinja's escaping, the page holds no
script and no address, and its policy lets a browser run and load nothing.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training_free_grpo import __version__
from training_free_grpo.files import write_atomically
from training_free_grpo.ledger import total_usage
from training_free_grpo.library import (
    active_experiences,
    empty_library,
    load_library,
)
from training_free_grpo.prices import dollars
from training_free_grpo.records import Library, Metrics
from training_free_grpo.report.charts import Chart, Point, draw
from training_free_grpo.report.steps import Step, read_steps
from training_free_grpo.report.wording import compact, compare_words, percent, plain, share
from training_free_grpo.run_files import read_libraries, read_metrics
from training_free_grpo.run_folder import RunFolder
from training_free_grpo.run_status import read_status
from training_free_grpo.settings import Settings
from training_free_grpo.text import well_formed

_ROLES = "rollout judge summarize extract_advantage edit_experiences"
"""In the order of their work."""


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
    rollouts = sum(step["rollouts"] for step in read_metrics(folder.path))
    rollouts += status["current"]["rollouts"] if status["current"] else 0
    steps = read_steps(folder, rollouts)
    finished = [step.figures for step in steps if step.figures]
    template = environment(templates).get_template("page.html")
    text = template.render(
        style=style,
        style_hash=digest,
        version=__version__,
        name=folder.path.resolve().name,
        status=status,
        manifest=folder.read_json("manifest.json"),
        settings=Settings.read(folder.read_json("settings.json")).changed(),
        steps=steps,
        rollouts=rollouts,
        metrics=finished,
        lessons=active_experiences(library),
        retired=[e for e in library["experiences"].values() if e["status"] == "deleted"],
        inherited=inherited(folder),
        roles=sorted(status["usage"], key=lambda role: (_ROLES.find(role), role)),
        anchors={(s.number, g.problem_id): g.anchor for s in steps for g in s.groups},
        curve=draw_rewards(steps),
        charts=draw_others(finished),
    )
    return str(well_formed(text))


def environment(templates: Path) -> Any:
    """Return the templates' environment: everything is escaped, and nothing may be left out."""
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
    return found


def final_library(folder: RunFolder) -> Library:
    """Return what the run has learned so far."""
    file = folder.path / "library.json"
    return load_library(file) if file.exists() else empty_library()


def inherited(folder: RunFolder) -> set[str]:
    """Return the lessons that the run started from: their steps are those of another run."""
    return {
        id for step, lib in read_libraries(folder.path) if step == 0 for id in lib["experiences"]
    }


def draw_rewards(steps: Sequence[Step]) -> Chart | None:
    """Draw the learning curve; None before there is a reward."""
    points = [
        Point(step.number, step.figures["mean_reward"], step.interval)
        for step in steps
        if step.figures
    ]
    if not any(point.value is not None for point in points):
        return None
    return draw("Mean reward", points, share, (860, 320, 74), most=1.0)


def draw_others(metrics: Sequence[Metrics]) -> list[Chart]:
    """Draw what else there is to follow: use of tools, the library, tokens, and cost if known."""
    if not metrics:
        return []
    tokens = {step["step"]: total_usage(step["usage"]) for step in metrics}
    curves: list[tuple[str, dict[int, float], Callable[[float], str]]] = [
        ("Tool calls per rollout", {s["step"]: s["tool_calls"] for s in metrics}, plain),
        ("Lessons in the library", {s["step"]: s["library_size"] for s in metrics}, plain),
        ("Tokens", {n: u["input"] + u["output"] for n, u in tokens.items()}, compact),
    ]
    costs = {s["step"]: cost for s in metrics if (cost := s["cost"]) != "unknown"}
    if any(costs.values()):
        curves.append(("Cost", costs, dollars))
    return [draw(t, [Point(*item) for item in found.items()], write) for t, found, write in curves]
