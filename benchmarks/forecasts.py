"""How far off a run's forecasts were: at the start and after each step, beside its actual end.

python -m benchmarks.forecasts RUN_FOLDER
"""

import sys
from pathlib import Path

from training_free_grpo.learning.judging import is_judged
from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.records import Ledger, Problem
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.lines import read_lines
from training_free_grpo.spending.forecast import forecast_training

_FIGURES = ("calls", "input", "cached", "output")


def main(folder: RunFolder) -> None:
    """Print a table of what was forecast for the whole run, and by how much it was off."""
    settings = folder.settings
    judged = is_judged(settings, folder.manifest["grader"])
    rows = read_lines(folder.path / "problems.jsonl", "id").values()
    problems = [Problem(id=row["id"], problem=row["problem"], answers=[]) for row in rows]
    steps = folder.metrics
    actual: Ledger = {}
    for step in steps:
        actual = add_ledgers(actual, step["usage"])
    ends = total_usage(actual)
    print(f"| | {' | '.join(_FIGURES)} |\n| --- |{' --- |' * len(_FIGURES)}")
    for n in range(len(steps)):
        left = forecast_training(settings, problems, judged, steps[:n])["roles"]
        for step in steps[:n]:
            left = add_ledgers(left, step["usage"])
        expected = total_usage(left)
        cells = (compare(expected[name], ends[name]) for name in _FIGURES)  # type: ignore[literal-required]
        print(f"| {f'after step {n}' if n else 'at the start'} | {' | '.join(cells)} |")
    print(f"| actual | {' | '.join(f'{ends[name]:,}' for name in _FIGURES)} |")  # type: ignore[literal-required]


def compare(expected: int, actual: int) -> str:
    """Write a forecast, and how far it is from what came."""
    return f"{expected:,}" + (f" ({expected / actual - 1:+.0%})" if actual else "")


if __name__ == "__main__":
    main(RunFolder(Path(sys.argv[1])))
