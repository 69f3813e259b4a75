"""Replay a run from its journal, to check it, or to fork it at one of its steps."""

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from training_free_grpo.graders import load_grader
from training_free_grpo.graphs.training import build_training_graph
from training_free_grpo.learning.batches import count_steps
from training_free_grpo.prompts import fingerprint_prompts
from training_free_grpo.records import JSON
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.reviews import FOLDER as REVIEWS
from training_free_grpo.runs.steps import RUN, is_finished
from training_free_grpo.runs.stores import read_stores
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings
from training_free_grpo.storage.journal import Journal

_FILES = ("library.json", "metrics.jsonl", "usage.json")
_STEPS = ("rollouts", "groups", "libraries")


@dataclass(frozen=True)
class Source:
    """A run to replay: its inputs, its answers, and its state by step."""

    folder: RunFolder
    settings: Settings
    manifest: JSON
    record: Journal
    states: Mapping[int, JSON]
    """After each finished step; 0 is the start."""

    def again(self, folder: RunFolder) -> TrainingRun:
        """Return the whole run again, in another folder, from the record alone.

        Raise RunError if it is not finished, or used prompts of another version.
        """
        last = max(self.states)
        if not is_finished(self.states[last]):
            raise RunError(
                f"the run {self.folder.path.name!r} is not finished: step "
                f"{last} of {self.states[last]['steps']}. Resume and finish it first"
            )
        if self.manifest["prompts"] != fingerprint_prompts():
            raise RunError(
                f"the run {self.folder.path.name!r} used other prompts, by "
                f"training-free-grpo {self.manifest['versions']['training-free-grpo']}: replay it "
                "with that version, or fork it with --from-step"
            )
        copy_steps(self.folder.path, folder.path, (REVIEWS,), max(self.states))
        return self._run(folder, self.settings, 0, sealed=True)

    def fork(self, folder: RunFolder, step: int, settings: Settings) -> TrainingRun:
        """Return a run that keeps the steps before this one, and reruns the rest.

        Identical calls are answered from the record. Raise RunError for a step
        that the run has not come to.
        """
        if step - 1 not in self.states:
            raise RunError(
                f"--from-step {step}: the run {self.folder.path.name!r} can be forked at the "
                f"steps 1 to {max(self.states) + 1}"
            )
        if not folder.exists:
            copy_steps(self.folder.path, folder.path, (*_STEPS, REVIEWS), step - 1)
        return self._run(folder, settings, step - 1, sealed=False)

    def _run(self, folder: RunFolder, settings: Settings, done: int, sealed: bool) -> TrainingRun:
        state = self.states[done]
        steps = count_steps(len(state["problems"]), settings)
        return TrainingRun(
            folder=folder,
            settings=settings,
            problems=state["problems"],
            library=state["library"],
            grader=load_grader(self.manifest["grader"]),
            grader_name=self.manifest["grader"],
            parent=f"{self.folder.path.name}, step {done}",
            record=self.record,
            sealed=sealed,
            start=state | {"settings": settings.changed(), "steps": steps} if done else None,
        )


@asynccontextmanager
async def open_source(folder: RunFolder, database: str | None) -> AsyncIterator[Source]:
    """Open a run for replay; raise RunError if it cannot be replayed."""
    manifest = folder.manifest
    if not folder.attempter["replayable"]:
        raise RunError(
            f"the rollouts of {folder.path.name!r} were made by the agent {manifest['agent']!r}: "
            "the calls of a user's agent are not in the journal, and cannot be replayed"
        )
    if manifest.get("database") and database is None:
        raise RunError(
            f"the run is stored in a database: give --database for {manifest['database']}"
        )
    settings = folder.settings
    with read_stores(folder, database) as (saver, record):
        graph = build_training_graph(checkpointer=saver)
        states = {}
        async for state in graph.aget_state_history(RUN):
            if state.next in ((), ("draw_batch",)) and "step" in state.values:
                states[state.values["step"]] = dict(state.values)
        if not states:
            raise RunError(f"the run {folder.path.name!r} has not started")
        yield Source(folder, settings, manifest, record, states)


def copy_steps(source: Path, target: Path, folders: Sequence[str], last: int) -> None:
    """Copy the step files of some folders of a run, up to a step."""
    RunFolder(target).claim()
    for folder in folders:
        for file in sorted((source / folder).glob("step-*")):
            if int(file.stem.removeprefix("step-")) <= last:
                (target / folder).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target / folder / file.name)


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of the result files in which two runs differ."""

    def kept(run: Path) -> dict[str, bytes]:
        files = [run / name for name in _FILES]
        files += [file for name in _STEPS for file in (run / name).glob("step-*")]
        return {str(f.relative_to(run)): f.read_bytes() for f in files if f.exists()}

    first, second = kept(one), kept(other)
    names = sorted(first.keys() | second.keys())
    return [name for name in names if first.get(name) != second.get(name)]
