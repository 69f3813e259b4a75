"""`tfgrpo replay`: replay a run from its record, or fork it at a step."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from training_free_grpo.cli import options as o
from training_free_grpo.cli.output import FAILED, print_json, progress, reports_errors, results
from training_free_grpo.cli.training_report import report, show_outcome
from training_free_grpo.records import JSON
from training_free_grpo.runs.files import find_run
from training_free_grpo.runs.folder import RunError, RunFolder, name_run
from training_free_grpo.runs.interrupts import stop_on_interrupt
from training_free_grpo.runs.replay import Source, differences, open_source
from training_free_grpo.runs.training import TrainingRun


@reports_errors(lambda options: bool(options.get("to")))
def replay(
    run: Annotated[Path, typer.Argument(help="A run, or its folder.")],
    to: Annotated[str | None, typer.Option(help="Name of the new run.")] = None,
    from_step: Annotated[
        int | None, typer.Option(min=1, help="Fork: the first step to rerun.")
    ] = None,
    pairs: o.Set = None,
    database: o.Database = None,
    runs_dir: o.RunsDir = Path("runs"),
    as_json: o.Json = False,
) -> None:
    """Replay a run without network or key and compare, or fork it with other settings.

    Example: tfgrpo replay first --from-step 3 --to second --set reflection_model=openai:gpt-5
    """
    source = find_run(run, runs_dir)
    if from_step is not None:
        if to is None:
            raise RunError("--from-step makes a new run: name it with --to NEW")
        new = RunFolder(name_run(runs_dir, to))
        asyncio.run(fork(source, new, from_step, pairs, database, as_json))
        return
    if pairs:
        raise RunError(
            "a replay keeps the settings of the run: give --from-step N to fork it with others"
        )
    with TemporaryDirectory() as place:
        new = RunFolder(Path(place) / "replay" if to is None else name_run(runs_dir, to))
        if new.exists:
            raise RunError(f"the run {to!r} already exists; give the replay another name")
        found = asyncio.run(make_again(source, new, database))
    if as_json:
        print_json(found)
    else:
        results.print(describe_replay(found))
    if not found["equal"]:
        raise typer.Exit(FAILED)


async def make_again(folder: RunFolder, new: RunFolder, database: str | None) -> JSON:
    """Replay a run into a new folder, and say which files differ."""
    async with open_source(folder, database) as source:
        await carry_out(source.again(new))
        different = differences(folder.path, new.path)
        return {"equal": not different, "different": different, **count_calls(source)}


async def fork(
    folder: RunFolder,
    new: RunFolder,
    step: int,
    pairs: list[str] | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Rerun a run from a step on with other settings, and say what that costs."""
    async with open_source(folder, database) as source:
        defaults = source.settings.model_dump(mode="json")
        training = source.fork(new, step, o.read_settings({"pairs": pairs}, defaults))
        await training.check()
        state = await carry_out(training)
        calls = count_calls(source)
    progress.print(f"{calls['known']} calls reused from the record, {calls['unknown']} new calls")
    show_outcome(new, state, as_json)


async def carry_out(training: TrainingRun) -> JSON:
    """Run a training to its end, or until it is interrupted."""
    work = training.run(report)
    return await stop_on_interrupt(work, training.models.gate, progress.print)


def count_calls(source: Source) -> JSON:
    """Count the calls found in the record, and the others."""
    return {"known": source.record.known, "unknown": source.record.unknown}


def describe_replay(found: JSON) -> str:
    """Say how a replay differs from the run."""
    calls = f"{found['known']:,} calls from the record"
    if found["equal"]:
        return f"equal: library, metrics, usage and every rollout, byte for byte; {calls}"
    lost = f", {found['unknown']:,} that it does not hold" if found["unknown"] else ""
    return "\n".join([f"different; {calls}{lost}:", *(f"  {name}" for name in found["different"])])
