"""The math grader against labelled answers, beside math-verify in the same run.

    TFGRPO_DATA=FOLDER python -m benchmarks.graders [REVISION]

With a revision of this repository, its math grader and this one grade the same rows in turn, and
the ratio of their speeds is printed (CPU time, without the worker's).

Labels are taken as published, but where a hand decided (`adjudicated_disagreements`). A false
positive is a wrong answer graded right, a false negative a right one graded wrong. math-verify is
used as it documents itself: `verify(parse(gold), parse(response))`.
"""

import hashlib
import json
import logging
import os
import platform
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from math_verify import parse, verify

from benchmarks.grader_speed import compare_speed
from training_free_grpo.graders.math import MathPolicy, grade_math
from training_free_grpo.graders.qa import grade_qa

DATA = Path(os.environ.get("TFGRPO_DATA", "../shared/data"))
LABELLED = (
    "labelled_math_qwen800",
    "labelled_gsm8k_openai",
    "labelled_math_mathcoder",
    "labelled_mathematics_mathcoder",
    "labelled_mathvision_freeform",
)
PACKAGES = ("math-verify", "latex2sympy2_extended", "sympy")

Row = dict[str, Any]
Judge = Callable[[Row], float | None]


def rows(name: str) -> list[Row]:
    """Read a file of the data folder."""
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").open(encoding="utf-8")]


def ours(row: Row) -> float | None:
    """Grade a row as a training run does."""
    return grade_math(row["response"], row["gold"], problem=row["problem"])["reward"]


def without_problem(row: Row) -> float | None:
    """Grade a row from the answer and the expected answer alone."""
    return grade_math(row["response"], row["gold"])["reward"]


def theirs(row: Row) -> float | None:
    """Grade a row with math-verify."""
    return float(verify(parse(row["gold"]), parse(row["response"])))


def labelled(name: str) -> list[tuple[Row, float]]:
    """Pair rows with their labels; rows that hands could not decide are left out."""
    decided = {row["id"]: row["adjudicated"] for row in rows("adjudicated_disagreements")}
    pairs = [(row, decided.get(row["id"], row["label"])) for row in rows(name)]
    return [(row, float(label)) for row, label in pairs if label is not None]


def judged(judge: Judge, pairs: Iterable[tuple[Row, float]]) -> tuple[Counter[str], list[float]]:
    """Count how a judge agrees with labels, and time it row by row."""
    counts: Counter[str] = Counter()
    seconds = []
    for row, label in pairs:
        started = time.perf_counter()
        reward = judge(row)
        seconds.append(time.perf_counter() - started)
        counts["rows"] += 1
        counts["agree"] += reward == label
        counts["false positives"] += reward == 1 != label
        counts["false negatives"] += reward == 0 != label
        counts["undecided"] += reward is None
    return counts, seconds


def report(name: str, grader: str, counts: Counter[str], seconds: list[float]) -> None:
    """Print a line of the table."""
    share = 100 * counts["agree"] / counts["rows"]
    errors = " | ".join(
        str(counts[kind]) for kind in ("false positives", "false negatives", "undecided")
    )
    print(
        f"| {name} | {grader} | {counts['rows']:,} | {share:.2f} % | {errors} "
        f"| {len(seconds) / sum(seconds):,.0f} | {1 / statistics.median(seconds):,.0f} "
        f"| {max(seconds):.2f} s |"
    )


def table() -> None:
    """Print how both graders agree with the labels, and how fast they are."""
    print(
        "| file | grader | rows | agree | false + | false − | open | mean/s | median/s | slowest |"
    )
    print("| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |")
    judges = {"ours": ours, "ours, problem withheld": without_problem, "math-verify": theirs}
    for name in LABELLED:
        pairs = labelled(name)
        for grader, judge in judges.items():
            report(name, grader, *judged(judge, pairs))


def causes() -> None:
    """Print how the rows that hands decided are graded, by cause."""
    print("| cause, as adjudicated | rows | ours | math-verify |\n| --- | --: | --: | --: |")
    tally: dict[str, Counter[str]] = {}
    for row in rows("adjudicated_disagreements"):
        if row["adjudicated"] is not None:
            counts = tally.setdefault(row["category"], Counter())
            counts["rows"] += 1
            counts["ours"] += ours(row) == row["adjudicated"]
            counts["theirs"] += theirs(row) == row["adjudicated"]
    for cause, counts in sorted(tally.items()):
        print(f"| {cause} | {counts['rows']} | {counts['ours']} | {counts['theirs']} |")


def hand_made() -> None:
    """Print how the cases of math-verify's own tests are graded, and which are missed."""
    missed = []
    cases = rows("handcases_mathverify_tests")
    for case in cases:
        options = case["extra"] or {}
        options = json.loads(options.replace("'", '"')) if isinstance(options, str) else options
        coarse = options.get("precision") == "2" or options.get("precision") == 2
        policy = MathPolicy(decimals=0.01 if coarse else 0.0)
        if grade_math(case["pred"], case["gold"], policy=policy)["reward"] != float(
            case["expected"]
        ):
            missed.append(case["id"])
    print(f"{len(cases) - len(missed)} of {len(cases)} as expected; missed: {', '.join(missed)}")


def halves(pairs: list[Row]) -> tuple[list[Row], list[Row]]:
    """Split the pairs of a kind by a hash; the rules were written on the first half alone."""

    def digest(row: Row) -> str:
        return hashlib.sha256(f"{row['response']}\0{row['gold']}".encode()).hexdigest()

    ordered = sorted(pairs, key=digest)
    middle = (len(ordered) + 1) // 2
    return ordered[:middle], ordered[middle:]


def tallied(pairs: list[Row]) -> Counter[str]:
    """Count how the pairs of `grader_pairs` are graded, each by the grader of its kind."""
    graders = {"math": grade_math, "qa": grade_qa}
    labels = [(row, float(row["right"])) for row in pairs]

    def judge(row: Row) -> float | None:
        return graders[row["kind"].partition("/")[0]](row["response"], row["gold"])["reward"]

    return judged(judge, labels)[0]


def kinds() -> None:
    """Print how short answers aimed at weak spots are graded, by kind."""
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows("grader_pairs"):
        by_kind[row["kind"]].append(row)
    tables: dict[str, Counter[str]] = {kind: tallied(by_kind[kind]) for kind in sorted(by_kind)}
    for grader in ("math", "qa"):
        named = {kind: pairs for kind, pairs in by_kind.items() if kind.startswith(grader)}
        for place, half in enumerate(("first half", "second half")):
            tables[f"{grader}, {half}"] = sum(
                (tallied(halves(pairs)[place]) for pairs in named.values()), Counter()
            )
    print(
        "| kind | pairs | agree | false + | false − | open |\n| --- | --: | --: | --: | --: | --: |"
    )
    columns = ("rows", "agree", "false positives", "false negatives", "undecided")
    for name, counts in tables.items():
        print(f"| {name} | {' | '.join(str(counts[column]) for column in columns)} |")


def main() -> None:
    """Print everything that stands in docs/graders.md."""
    logging.disable()
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    print(f"Python {platform.python_version()}, {versions}\n")
    for section in (table, causes, hand_made, kinds):
        section()
        print()
    for revision in sys.argv[1:]:
        compare_speed(revision, [rows(name) for name in LABELLED])


if __name__ == "__main__":
    main()
