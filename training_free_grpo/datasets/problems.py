"""From rows to problems: repeats, contradictions and leaks, each named by its rows."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training_free_grpo.arguments import map_field
from training_free_grpo.datasets.errors import DatasetError, RowError, name_rows
from training_free_grpo.datasets.forms import list_rows
from training_free_grpo.datasets.rows import NO_MAPPING, Clean, read_problem
from training_free_grpo.records import Problem

_LONG = 100_000
_LEAK = 5
_KINDS = 5


def read_problems(
    rows: Any,
    source: str = "problems",
    *,
    mapping: Mapping[str, str] = NO_MAPPING,
    clean: Clean | None = None,
    needs_truth: bool = False,
    strict: bool = True,
    refuse_contradictions: bool = False,
) -> tuple[list[Problem], list[str]]:
    """Check rows and make them problems, with notes on what a user should know of them.

    The same problem twice counts once; with other answers it is another problem, or refused. Rows
    that cannot be used are refused, all in one DatasetError; without `strict` they are left out.
    """
    reading = Reading(needs_truth, refuse_contradictions)
    for row in list_rows(rows):
        reading.add(row, mapping, clean)
    faults = reading.describe_faults(source)
    if faults and (strict or not reading.found):
        raise DatasetError("\n".join(faults))
    if not reading.found:
        raise DatasetError(f"{source} holds no problems")
    notes = [f"{fault}; left out" for fault in faults] + reading.describe_problems(source)
    return [problem for _, problem in reading.found.values()], notes


@dataclass
class Reading:
    """The problems of the rows read so far, and the rows with a fault."""

    needs_truth: bool
    refuse_contradictions: bool
    rows: int = 0
    found: dict[tuple[str, frozenset[str]], tuple[int, Problem]] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    repeats: list[int] = field(default_factory=list)
    contradictions: list[int] = field(default_factory=list)
    faults: dict[str, list[int]] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, row: Any, mapping: Mapping[str, str], clean: Clean | None) -> None:
        """Read one more row."""
        self.rows += 1
        try:
            self.keep(read_problem(row, mapping, clean))
        except RowError as error:
            self.faults.setdefault(error.fault, []).append(self.rows)
            self.examples.setdefault(error.fault, str(error))

    def keep(self, problem: Problem) -> None:
        """Keep a problem that is new; raise RowError for one that cannot be."""
        if self.needs_truth and not problem["answers"]:
            raise RowError(
                "no answer, and the grader compares with one; name its field with "
                f"{map_field('answer')}, or use it as answer"
            )
        content = problem["problem"], frozenset(problem["answers"])
        if content in self.found:
            self.repeats.append(self.rows)
            return
        if (row := self.ids.setdefault(problem["id"], self.rows)) != self.rows:
            raise RowError(f"id {problem['id']!r} is a duplicate, first in row {row}")
        if (row := self.texts.setdefault(problem["problem"], self.rows)) != self.rows:
            if self.refuse_contradictions:
                raise RowError(
                    f"the problem of row {row} with other answers; delete one of the two"
                )
            self.contradictions.append(self.rows)
        self.found[content] = (self.rows, problem)

    def describe_faults(self, source: str) -> list[str]:
        """Say what is wrong, a line per fault, with the rows that have it."""
        lines = [
            f"{source}, {name_rows(rows)}: {self.examples[fault]}"
            for fault, rows in self.faults.items()
        ]
        more = len(lines) - _KINDS
        return [*lines[:_KINDS], f"{source}: {more} more faults like these"] if more > 0 else lines

    def describe_problems(self, source: str) -> list[str]:
        """Say what is unusual about the problems, a line each."""
        rows = self.found.values()
        without = [row for row, p in rows if not p["answers"]]
        long = [row for row, p in rows if len(p["problem"]) > _LONG]
        leaks = [row for row, p in rows if leaks_answer(p)]
        said = {
            "repeat a problem; each counts once": self.repeats,
            "have the text of another with other answers; each counts": self.contradictions,
            # Where no row has an answer, the set is one without truths, and that is no news.
            "have no answer": without if len(without) < len(rows) else [],
            f"are longer than {_LONG:,} characters and may not fit the model": long,
            "have the answer in the question: a leak, unless it offers a choice": leaks,
        }
        return [
            f"{source}: {len(found):,} of {self.rows:,} rows {what} ({name_rows(found)})"
            for what, found in said.items()
            if found
        ]


def leaks_answer(problem: Problem) -> bool:
    """Tell whether an answer stands in the question; one of a few characters may by chance."""
    text = problem["problem"].casefold()
    answers = (a.casefold() for a in problem["answers"] if len(a) >= _LEAK)
    return any(a in text and re.search(rf"(?<!\w){re.escape(a)}(?!\w)", text) for a in answers)


def fingerprint_problems(problems: Sequence[Problem]) -> str:
    """Hash a data set: twelve hexadecimal digits that change with any problem in it."""
    return hashlib.sha256(json.dumps(problems, sort_keys=True).encode()).hexdigest()[:12]
