"""`tfgrpo inspect-logs`: a training run as logs for Inspect."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import plural, print_json, reports_errors, results
from training_free_grpo.inspect_logs import check_inspect, missing_logs, write_step
from training_free_grpo.runs.files import find_run

Run = Annotated[Path, typer.Argument(help="Folder of a training run, or its name.")]


@reports_errors()
def inspect_logs(
    run: Run,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: inspect/ in the run folder.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Write an Inspect log, to read in `inspect view`, for each finished step that has none.

    Each rollout is an epoch of its problem's sample. The run may still be in progress.

    Example: tfgrpo inspect-logs runs/first
    """
    check_inspect()
    folder = find_run(run, runs_dir)
    place = output or folder.path / "inspect"
    logs = list(missing_logs(folder, place))
    for figures, file in logs:
        asyncio.run(write_step(folder, figures, file))
    if as_json:
        print_json({"run": str(folder.path), "logs": [str(file) for _, file in logs]})
    else:
        results.print(f"{plural(len(logs), 'log')} written: inspect view --log-dir {place}")
