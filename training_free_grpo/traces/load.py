"""Read recorded rollouts from files, and group them by problem."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training_free_grpo.datasets.errors import DatasetError, RowError, enumerate_few, name_rows
from training_free_grpo.datasets.files import load_file
from training_free_grpo.datasets.rows import NO_MAPPING, content_id
from training_free_grpo.records import Problem
from training_free_grpo.traces.inspect_log import is_inspect_log, load_inspect_log
from training_free_grpo.traces.rows import FIELDS, Missing, Reading
from training_free_grpo.traces.trace import Trace, Traces

__all__ = ["FIELDS", "load_traces"]

Attempt = tuple[Problem, Trace]
_SUFFIXES = (".jsonl", ".eval")
"""The files that are read from a folder."""


def load_traces(
    files: Sequence[str | Path],
    *,
    mapping: Mapping[str, str] = NO_MAPPING,
    graded: bool = True,
    needs_truth: bool = False,
    limit: int | None = None,
) -> tuple[Traces, list[str]]:
    """Load recorded rollouts, with notes on anything that a user should know about them.

    A folder means all rollouts in it, and a run folder means its `rollouts/`. Rows are rollouts of
    a run, problems with a response, conversations in LangChain's or OpenAI's form, or samples of an
    Inspect log. Without `graded`, recorded rewards are ignored. `limit` takes the first problems.
    Raise DatasetError that names the file, the rows and the remedy.
    """
    reading = Reading(mapping, graded, needs_truth)
    attempts: list[Attempt] = []
    notes: list[str] = []
    faults: list[str] = []
    for file in find_files(files):
        try:
            found, note = read_attempts(file, reading)
        except DatasetError as error:
            faults.append(str(error))
        else:
            attempts += found
            notes += note
    if faults:
        raise DatasetError("\n".join(faults))
    return group(attempts, limit), notes


def find_files(places: Iterable[str | Path]) -> Iterator[Path]:
    """Return the files, with each folder replaced by the files in it, sorted by name."""
    for place in map(Path, places):
        if not place.is_dir():
            yield place
            continue
        run = (place / "manifest.json").exists()
        folder = place / "rollouts" if run else place
        found = sorted(file for file in folder.glob("*") if file.suffix in _SUFFIXES)
        if not found:
            raise DatasetError(f"the folder {folder} holds no {' or '.join(_SUFFIXES)} files")
        yield from found


def read_attempts(file: Path, reading: Reading) -> tuple[list[Attempt], list[str]]:
    """Read the attempts in one file; raise DatasetError for rows that cannot be used."""
    found: list[Attempt] = []
    notes: dict[str, list[int]] = {}
    unanswered: dict[int, str] = {}
    faults: dict[str, list[int]] = {}
    examples: dict[str, str] = {}
    for number, row in enumerate(load_rows(file, reading), start=1):
        try:
            attempt = reading.read(row)
            found.append(attempt)
            for said in describe_odds(attempt[1]):
                notes.setdefault(said, []).append(number)
        except Missing as error:
            unanswered[number] = str(error)
        except RowError as error:
            faults.setdefault(error.fault, []).append(number)
            examples.setdefault(error.fault, str(error))
    if faults:
        lines = [f"{file}, {name_rows(rows)}: {examples[fault]}" for fault, rows in faults.items()]
        raise DatasetError("\n".join(lines))
    if not found:
        why = enumerate_few([f"row {number}: {reason}" for number, reason in unanswered.items()])
        raise DatasetError(f"{file} holds no attempts: {why or 'it has no rows'}")
    if unanswered:
        notes["no answer is recorded; skipped"] = [*unanswered]
    return found, [f"{file}, {name_rows(rows)}: {said}" for said, rows in notes.items()]


def describe_odds(trace: Trace) -> Iterator[str]:
    """Describe anything unexpected about an attempt."""
    for lost in trace.lost:
        yield f"{lost}: not read"
    if trace.reward is not None and not 0 <= trace.reward <= 1:
        yield "a reward outside 0 to 1; it counts unchanged, and as right from 0.5 on"


def load_rows(file: Path, reading: Reading) -> Iterable[Any]:
    """Open a file and return its rows."""
    if is_inspect_log(file):
        return load_inspect_log(file, one_score=reading.graded and "reward" not in reading.mapping)
    return load_file(file)


def group(attempts: Iterable[Attempt], limit: int | None) -> Traces:
    """Group attempts by problem: its text and its accepted answers."""
    groups: dict[tuple[str, frozenset[str]], list[Attempt]] = {}
    for attempt in attempts:
        problem = attempt[0]
        key = problem["problem"], frozenset(problem["answers"])
        groups.setdefault(key, []).append(attempt)
    chosen = list(groups.values())[:limit]
    problems = list(name_problems(chosen))
    traces = ([trace for _, trace in attempts] for attempts in chosen)
    return Traces(problems, {p["id"]: t for p, t in zip(problems, traces, strict=True)})


def name_problems(groups: Sequence[Sequence[Attempt]]) -> Iterator[Problem]:
    """Give each problem the id that all its attempts share, unless the ids name attempts."""
    ids = [{problem["id"] for problem, _ in attempts} for attempts in groups]
    shared = Counter(next(iter(found)) for found in ids if len(found) == 1)
    for attempts, found in zip(groups, ids, strict=True):
        problem, id = attempts[0][0], next(iter(found))
        if len(found) > 1 or shared[id] > 1:
            id = content_id(problem["problem"], problem["answers"])
        yield {**problem, "id": id}
