"""Write logs during a run, in a thread, without ever failing the run."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training_free_grpo.inspect_logs.steps import missing_logs, write_step
from training_free_grpo.inspect_logs.writing import Subject, write_log
from training_free_grpo.records import JSON, Evaluation, Event, Problem
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.runs.evaluation import Arm
from training_free_grpo.runs.folder import RunFolder

Warn = Callable[[str], None]


class Writer:
    """Writes one log after the other in a thread; leaving the `with` block waits for it."""

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self.thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.thread.shutdown()

    def write(self, file: Path, work: Coroutine[Any, Any, None]) -> None:
        """Write a log, or warn that it was not written."""
        try:
            asyncio.run(work)
        except Exception as error:  # noqa: BLE001 - no log is worth a run
            self._warn(f"warning: {file} was not written: {type(error).__name__}: {error}")


class TrainingLogs(Writer):
    """Writes the log of each finished step of a run, and missing logs of earlier steps."""

    def __init__(self, run: RunFolder, place: Path, warn: Warn) -> None:
        super().__init__(warn)
        self._run, self._place = run, place
        self._tried: set[Path] = set()

    def hear(self, event: Event) -> None:
        """Write the log of a finished step, which the run's files describe by now."""
        if event["event"] == "step":
            self.thread.submit(self._catch_up)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is None:
            self.thread.submit(self._catch_up)
        super().__exit__(kind, error, at)

    def _catch_up(self) -> None:
        for figures, file in missing_logs(self._run, self._place):
            if file not in self._tried:
                self._tried.add(file)
                self.write(file, write_step(self._run, figures, file))


class EvaluationLogs(Writer):
    """Writes the log of each finished arm of an evaluation."""

    def __init__(
        self,
        name: str,
        problems: Sequence[Problem],
        attempter: Attempter,
        grader: str,
        place: Path,
        warn: Warn,
    ) -> None:
        super().__init__(warn)
        self._name, self._problems = name, problems
        self._attempter, self._grader, self._place = attempter, grader, place

    def begin(self, arm: Arm) -> None:
        """Record the arm that begins."""
        self._arm = arm
        self._started = tell_time()
        self._rollouts: dict[str, JSON] = {}
        self._groups: dict[str, JSON] = {}
        self._critiques: dict[str, JSON] = {}

    def hear(self, event: Event) -> None:
        """Record an event; write the log once the evaluation is finished."""
        if event["event"] == "rollout":
            rollout = event["rollout"]
            messages = {"messages": rollout["trajectory"], "usage": event["usage"]}
            self._rollouts[event["id"]] = {**rollout, **messages}
        elif event["event"] == "grade":
            said = {id: grade["critique"] for id, grade in event["grades"].items()}
            self._critiques[event["problem"]] = said
        elif event["event"] == "group":
            critiques = self._critiques.pop(event["problem"])
            self._groups[event["problem"]] = {**event["group"], "critiques": critiques}
        elif event["event"] == "evaluation":
            name = re.sub(r"[^\w.-]+", "-", f"{self._name}-{self._arm.name}")
            file = self._place / f"{name}.eval"
            self.thread.submit(
                self.write, file, write_log(self._subject(event["evaluation"]), file)
            )

    def _subject(self, found: Evaluation) -> Subject:
        settings, now = self._arm.settings, tell_time()
        return Subject(
            task=f"{self._name} {self._arm.name}",
            arguments={"arm": self._arm.name},
            run=f"{self._name} {now}",
            created=now,
            started=self._started,
            model=self._attempter.prices(settings)[0],
            temperature=settings.evaluation_temperature,
            agent=self._attempter.name,
            grader=self._grader,
            rows=list(self._rows()),
            groups=self._groups,
            mean=found["mean"],
            usage=found["usage"],
            costs=found["costs"],
            metadata={"settings": settings.model_dump(mode="json")},
        )

    def _rows(self) -> Iterator[JSON]:
        """Assemble each attempt from the events of the nodes."""
        for problem in self._problems:
            about = {"problem_id": problem["id"], **problem}
            for attempt in self._groups[problem["id"]]["attempts"]:
                yield about | self._rollouts[attempt["id"]] | attempt


def tell_time() -> str:
    """Return the time in UTC, in ISO 8601 format."""
    return datetime.now(UTC).isoformat(timespec="seconds")
