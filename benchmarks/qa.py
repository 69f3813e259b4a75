"""The qa grader against the published verdicts of a judge, beside the usual measures of words.

    TFGRPO_DATA=FOLDER python -m benchmarks.qa

Answers of a search agent to HotpotQA, 2WikiMultihopQA and Bamboogle, each with GPT-4o's verdict.
The cascade asks a judge where the grader is undecided; the published verdict stands in for it, so
that these rows count as right, and only what the grader decides alone can be wrong.
"""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from training_free_grpo.graders.qa import covers, grade_qa, is_exact, token_f1

DATA = Path(os.environ.get("TFGRPO_DATA", "../shared/data"))
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Row = dict[str, str]


def rows() -> list[Row]:
    """Read the labelled answers."""
    file = DATA / "labelled_qa_r1searcher.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def is_right(row: Row) -> bool:
    """Return the published verdict."""
    return row["judge_gpt4o"] == "True"


def cover_either_way(answer: str, gold: str) -> bool:
    """Tell whether one of two answers contains the other."""
    return covers(answer, gold) or covers(gold, answer)


def reaches(least: float, answer: str, gold: str) -> bool:
    """Tell whether two answers have so much in common."""
    return token_f1(answer, gold) >= least


def report(name: str, measure: Callable[[str, str], bool], labelled: list[Row]) -> None:
    """Print how a measure agrees with the verdicts."""
    said = [(measure(row["pred"], row["gold"]), is_right(row)) for row in labelled]
    agree = sum(found == truth for found, truth in said)
    false_rights = sum(found and not truth for found, truth in said)
    errors = f"{false_rights} | {len(said) - agree - false_rights}"
    print(f"| {name} | {100 * agree / len(said):.1f} % | {errors} | |")


def report_cascade(labelled: list[Row]) -> list[Row]:
    """Print how grader and judge together agree with the verdicts; return the rows that do not."""
    graded = [(grade_qa(row["pred"], row["gold"])["verdict"], row) for row in labelled]
    asked = sum(verdict == "undecided" for verdict, _ in graded)
    false_rights = [row for verdict, row in graded if verdict == "right" and not is_right(row)]
    false_wrongs = [row for verdict, row in graded if verdict == "wrong" and is_right(row)]
    missed = false_rights + false_wrongs
    agree, share = (100 * n / len(labelled) for n in (len(labelled) - len(missed), asked))
    errors = f"{len(false_rights)} | {len(false_wrongs)}"
    print(f"| qa, then the judge | {agree:.1f} % | {errors} | {share:.1f} % |")
    return missed


def main() -> None:
    """Print everything that stands in docs/graders.md about the qa grader."""
    labelled = rows()
    print(f"{len(labelled)} answers\n")
    print("| measure | agree | false + | false − | judge asked |\n| --- | --: | --: | --: | --: |")
    report("EM", is_exact, labelled)
    report("cover-EM, either way", cover_either_way, labelled)
    for least in THRESHOLDS:
        report(f"F1 from {least}", partial(reaches, least), labelled)
    missed = report_cascade(labelled)
    print("\nThe rows that disagree:")
    for row in missed:
        print(f"- {row['pred']!r} for {row['gold']!r}, published {row['judge_gpt4o']}")


if __name__ == "__main__":
    main()
