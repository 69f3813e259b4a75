"""`tfgrpo report`: a run as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import print_json, reports_errors, results
from training_free_grpo.report import write_report
from training_free_grpo.runs.files import find_run
from training_free_grpo.runs.folder import RunError

Run = Annotated[Path, typer.Argument(help="Folder of a training run, or its name.")]


@reports_errors()
def report(
    run: Run,
    output: Annotated[
        Path | None, typer.Option(help="File to write; default: report.html in the run folder.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Write one HTML file to read in a browser: curves, library, history and every group.

    The file needs no network. The run may still be in progress.

    Example: tfgrpo report runs/first
    """
    folder = find_run(run, runs_dir)
    file = output or folder.path / "report.html"
    if file.is_dir():
        raise RunError(f"--output {file} is a folder: name a file, such as {file / 'report.html'}")
    size = write_report(folder, file)
    if as_json:
        print_json({"run": str(folder.path), "report": str(file), "bytes": size})
    else:
        results.print(f"{file}: {size / 1e6:.1f} MB")
