"""Where a library comes from: the run that learned it, and the runs before it."""

from collections.abc import Iterator
from pathlib import Path

from training_free_grpo.library import load_library
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.lines import read_line
from training_free_grpo.spending.equal_cost import Spending


def lineage(library: Path) -> Iterator[RunFolder]:
    """Return the runs behind a library file or run folder, newest first."""
    run = run_of(library)
    passed: set[Path] = set()
    while run.path.is_dir() and run.path not in passed:
        yield run
        passed.add(run.path)
        parent = run.exists and run.manifest.get("parent")
        if not parent:
            return
        run = RunFolder(run.path.parent / parent)


def run_of(library: Path) -> RunFolder:
    """Return the folder that a library is in, a run's or any other."""
    return RunFolder(library if library.is_dir() else library.parent)


def learner_of(library: Path, runs_dir: Path) -> str | None:
    """Return the name of the run that learned a library; None for one from elsewhere."""
    run = run_of(library)
    at_home = run.path.resolve().parent == runs_dir.resolve()
    return run.path.name if run.exists and at_home else None


def problems_seen(library: Path) -> tuple[list[str], set[str]]:
    """Return the texts of the problems that a library was learned from, as far as recorded.

    The ids are those of further problems, which only its lessons name.
    """
    told = [problem for run in lineage(library) for problem in problems_of(run)]
    lessons = load_library(library)["experiences"].values()
    origins = [origin for lesson in lessons for origin in (lesson["created"], *lesson["updated"])]
    named = {id for origin in origins for id in origin.get("problems", [])}
    return [text for _, text in told], named - {id for id, _ in told}


def problems_of(run: RunFolder) -> Iterator[tuple[str, str]]:
    """Return the ids and texts of a run's problems; of an old run, of those that it attempted."""
    if run.problems.exists():
        files, id = [run.problems], "id"
    else:
        files, id = sorted(run.path.glob("rollouts/*.jsonl")), "problem_id"
    for file in files:
        with file.open("rb") as lines:
            yield from ((row[id], row["problem"]) for line in lines if (row := read_line(line)))


def training_of(library: Path) -> Iterator[Spending]:
    """Return what the runs behind a library spent, as far as recorded."""
    for run in lineage(library):
        if (run.path / "usage.json").exists():
            told = run.read_json("usage.json")
            yield Spending(told.get("cost", "unknown"), told["roles"])
