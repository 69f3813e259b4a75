"""The logs of a training run, built only from the files in its folder."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from training_free_grpo.inspect_logs.writing import Subject, write_log
from training_free_grpo.records import JSON, Metrics
from training_free_grpo.runs.files import read_groups, read_metrics, read_rollouts
from training_free_grpo.runs.folder import RunFolder

_TOLD_ELSEWHERE = ("usage", "cost", "costs")


def missing_logs(run: RunFolder, place: Path) -> Iterator[tuple[Metrics, Path]]:
    """Find the finished steps without an up-to-date log, each with the file to write."""
    for figures in read_metrics(run.path):
        file = place / f"{run.path.name}-step-{figures['step']:04}.eval"
        rollouts = rollouts_of(run, figures)
        if rollouts.exists() and not is_newer(file, rollouts):
            yield figures, file


def is_newer(file: Path, source: Path) -> bool:
    """Return whether a file exists and was written after another one."""
    return file.exists() and file.stat().st_mtime >= source.stat().st_mtime


def rollouts_of(run: RunFolder, figures: Metrics) -> Path:
    """Return the file of a step's rollouts, which is written last when the step is closed."""
    return run.path / "rollouts" / f"step-{figures['step']:04}.jsonl"


async def write_step(run: RunFolder, figures: Metrics, file: Path) -> None:
    """Write the log of a finished step."""
    await write_log(read_step(run, figures), file)


def read_step(run: RunFolder, figures: Metrics) -> Subject:
    """Read a finished step from the run's folder."""
    step = figures["step"]
    settings, manifest = run.read_json("settings.json"), run.manifest
    return Subject(
        task=f"{run.path.name} step {step}",
        arguments={"step": step, "epoch": figures["epoch"]},
        run=f"{run.path.name} {manifest['created']}",
        created=when_written(rollouts_of(run, figures)),
        started=when_begun(run, step) or when_written(rollouts_of(run, figures)),
        model=run.attempter["model"],
        temperature=settings["temperature"],
        agent=manifest["agent"],
        grader=manifest["grader"],
        rows=list(read_rollouts(run.path, step).values()),
        groups=read_groups(run.path, step),
        mean=figures["mean_reward"],
        usage=figures["usage"],
        costs=figures["costs"],
        metadata={"settings": settings, "manifest": manifest, "figures": shown(figures)},
    )


def shown(figures: Mapping[str, object]) -> JSON:
    """Remove the step's figures that have a field of their own in a log."""
    return {key: value for key, value in figures.items() if key not in _TOLD_ELSEWHERE}


def when_begun(run: RunFolder, step: int) -> str | None:
    """Return when the step's initial library was written; an old run has no such file."""
    library = run.path / "libraries" / f"step-{step - 1:04}.json"
    return when_written(library) if library.exists() else None


def when_written(file: Path) -> str:
    """Return the modification time of a file."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
