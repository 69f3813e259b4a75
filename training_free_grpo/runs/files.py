"""Read a run's files, even while another process writes them."""

from pathlib import Path
from typing import cast

from training_free_grpo.library import load_library
from training_free_grpo.records import JSON, Library, Metrics
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.lines import read_lines


def find_run(place: Path, runs_dir: Path) -> RunFolder:
    """Return the run in a folder or with a name; raise RunError if there is none."""
    found = find_folder(place, runs_dir)
    if is_evaluation(found):
        raise RunError(
            f"{found.path} is an evaluation, not a training run: "
            f"tfgrpo status {found.path} says how far it is, and what it found"
        )
    return found


def find_folder(place: Path, runs_dir: Path) -> RunFolder:
    """Return the run or evaluation in a folder or with a name; raise RunError if there is none.

    A place that is a folder of something else may still be the name of a run.
    """
    for found in (RunFolder(place), RunFolder(runs_dir / place)):
        if found.exists or is_evaluation(found):
            return found
    here = sorted(p.parent.name for p in runs_dir.glob("*/manifest.json"))
    known = f"; in {runs_dir} there are: {', '.join(here)}" if here else ""
    raise RunError(f"there is no training run at {place} or {runs_dir / place}{known}")


def is_evaluation(folder: RunFolder) -> bool:
    """Tell whether a folder holds the answers of an evaluation."""
    return folder.calls.exists() and not folder.exists


def list_folders(runs_dir: Path) -> list[RunFolder]:
    """Return the runs and the evaluations in a folder, by name."""
    folders = [RunFolder(path) for path in sorted(runs_dir.glob("*/"))]
    return [folder for folder in folders if folder.exists or is_evaluation(folder)]


def read_metrics(run: Path) -> list[Metrics]:
    """Return the figures of the finished steps."""
    return cast(list[Metrics], list(read_lines(run / "metrics.jsonl", "step").values()))


def read_rollouts(run: Path, step: int) -> dict[str, JSON]:
    """Return the rollouts of a step by id, with their transcripts."""
    return read_lines(run / "rollouts" / f"step-{step:04}.jsonl", "id")


def read_groups(run: Path, step: int) -> dict[str, JSON]:
    """Return the finished groups of a step, by problem."""
    return read_lines(run / "groups" / f"step-{step:04}.jsonl", "problem")


def read_libraries(run: Path) -> list[tuple[int, Library]]:
    """Return the library after each step; step 0 is the one the run started from."""
    files = sorted((run / "libraries").glob("step-*.json"))
    return [(int(file.stem.removeprefix("step-")), load_library(file)) for file in files]
