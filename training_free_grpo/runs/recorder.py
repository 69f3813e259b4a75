"""The files that a run writes for people, and never reads back to resume."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.library import save_library
from training_free_grpo.prices import add_bills
from training_free_grpo.records import JSON, Grade, Group, Ledger, Library, Metrics, Problem
from training_free_grpo.runs.lines import append_line, read_lines, write_lines
from training_free_grpo.storage.files import write_json
from training_free_grpo.threads import in_thread


class RunRecorder:
    """Writes groups, libraries and results; the end of a step sorts its files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    async def keep_group(
        self,
        step: int,
        group: Group,
        problem: Problem,
        grades: Mapping[str, Grade],
        summaries: JSON,
    ) -> None:
        """Append the group's line to the file of its step."""
        critiques = {id: grade["critique"] for id, grade in grades.items()}
        line = {"step": step, **group, "answers": problem["answers"]}
        line |= {"critiques": critiques, "summaries": summaries}
        await in_thread(self._append, self._path / "groups" / f"step-{step:04}.jsonl", line)

    async def keep_library(self, step: int, library: Library) -> None:
        """Save the library after a step in its own file."""
        file = self._path / "libraries" / f"step-{step:04}.json"
        await in_thread(save_library, library, file)

    async def close_step(self, step: int, groups: Sequence[Group]) -> None:
        """Write the rewards into the lines of a step, in the order of problem and attempt."""
        await in_thread(self._close_step, f"step-{step:04}.jsonl", groups)

    def save(self, state: JSON) -> None:
        """Write the library, the metrics and the usage of a graph's state; each file whole."""
        save_library(state["library"], self._path / "library.json")
        metrics: Sequence[Metrics] = state.get("metrics", [])
        write_lines(self._path / "metrics.jsonl", metrics)
        ledger: Ledger = {}
        for step in metrics:
            ledger = add_ledgers(ledger, step["usage"])
        usage = {"roles": ledger, "total": total_usage(ledger), **add_bills(metrics)}
        write_json(self._path / "usage.json", usage)

    def _append(self, file: Path, value: JSON) -> None:
        with self._lock:
            append_line(file, value)

    def _close_step(self, name: str, groups: Sequence[Group]) -> None:
        rollouts = read_lines(self._path / "rollouts" / name, "id")
        attempts = [attempt for group in groups for attempt in group["attempts"]]
        lines = [order({**rollouts[a["id"]], **a}) for a in attempts if a["id"] in rollouts]
        kept = read_lines(self._path / "groups" / name, "problem")
        in_order = [kept[g["problem"]] for g in groups if g["problem"] in kept]
        with self._lock:
            # A step that has nothing to write has no such file.
            for folder, rows in (("rollouts", lines), ("groups", in_order)):
                if rows:
                    write_lines(self._path / folder / name, rows)


def order(line: JSON) -> JSON:
    """Put the transcript last, where a person reads it after the figures."""
    return {key: value for key, value in line.items() if key != "messages"} | {
        "messages": line["messages"]
    }
