"""`tfgrpo doctor`: check that everything a run needs is available."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.output import FAILED, print_json, reports_errors, results
from training_free_grpo.doctor import Finding, examine
from training_free_grpo.settings import Settings

_MARKS = {"ok": "✓", "note": "·", "failed": "✗"}


@reports_errors()
def doctor(
    ctx: typer.Context,
    model: o.Model = None,
    base_url: o.BaseUrl = None,
    reflection_model: o.ReflectionModel = None,
    reflection_base_url: o.ReflectionUrl = None,
    judge_model: o.JudgeModel = None,
    config: o.Config = None,
    pairs: o.Set = None,
    asks: Annotated[
        bool, typer.Option("--search", help="Send one query to the search engine.")
    ] = False,
    database: o.Database = None,
    runs_dir: o.RunsDir = Path("runs"),
    as_json: o.Json = False,
) -> None:
    """Check packages, keys, folder, sandbox, search and models, and suggest remedies.

    With --model, each model gets one request of every kind that training sends: a tool call, its
    result, a final answer, a schema, a long prompt. Exits with 1 if a required check fails.

    Example: tfgrpo doctor --model openai:gpt-5-mini
    """
    settings = o.read_settings(ctx.params)
    found = asyncio.run(show_all(settings, runs_dir, database, asks, as_json))
    well = all(finding.state != "failed" for finding in found)
    if as_json:
        print_json({"well": well, "findings": [finding._asdict() for finding in found]})
    if not well:
        raise typer.Exit(FAILED)


async def show_all(
    settings: Settings, runs_dir: Path, database: str | None, search: bool, as_json: bool
) -> list[Finding]:
    """Run all checks, and print each finding as it arrives."""
    found = []
    async for finding in examine(settings, runs_dir, database, search):
        found.append(finding)
        if not as_json:
            results.print(f"{_MARKS[finding.state]} {finding.name}: {finding.said}")
            if finding.state != "ok" and finding.remedy:
                results.print(f"    → {finding.remedy}")
    return found
