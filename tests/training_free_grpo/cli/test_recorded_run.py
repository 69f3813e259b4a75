"""Real solutions, replayed: the groups must be those that people found by reading them."""

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from training_free_grpo.cli import main

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("TFGRPO_DATA") or ROOT.parent / "shared" / "data")
SETS = {"labelled_math_qwen800": (8, 100), "labelled_gsm8k_openai": (4, 150)}
"""The solutions of each problem, and the problems that are taken."""

pytestmark = [
    pytest.mark.process,  # answers are graded in the sandbox
    pytest.mark.skipif(
        not (DATA / "adjudicated_disagreements.jsonl").exists(),
        reason=f"no recorded solutions in {DATA}; name their folder in TFGRPO_DATA",
    ),
]

Labels = dict[str, list[float | None]]


@dataclass
class Recorded:
    """A run over recorded solutions, beside what people say about them."""

    summary: Any
    folder: Path
    labels: Labels

    @property
    def step(self) -> Any:
        return self.summary["metrics"][0]

    def rewards(self) -> Labels:
        """Return the rewards of each problem, in the order of the attempts."""
        found: Labels = defaultdict(list)
        for line in (self.folder / "rollouts" / "step-0001.jsonl").read_text().splitlines():
            rollout = json.loads(line)
            found[rollout["problem"]].append(rollout["reward"])
        return dict(found)


def read(name: str) -> list[Any]:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def corrected_labels(name: str, problems: int) -> Labels:
    """Return the published labels of each problem, corrected where they were adjudicated."""
    decided = {row["id"]: row["adjudicated"] for row in read("adjudicated_disagreements")}
    found: Labels = defaultdict(list)
    for row in read(name):
        label = decided.get(row["id"], row["label"])
        found[row["problem"].strip()].append(None if label is None else float(label))
    return dict(list(found.items())[:problems])


@pytest.fixture(scope="module", params=SETS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Train on the recorded solutions of a set."""
    name: str = request.param
    size, problems = SETS[name]
    runs, file = tmp_path_factory.mktemp("runs"), str(DATA / f"{name}.jsonl")
    command = ["train", file, "--model", f"recorded:{file}", "--group-size", str(size)]
    command += ["--epochs", "1", "--limit", str(problems), "--runs-dir", str(runs), "--json"]
    command += ["--batch-size", str(problems)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout.splitlines()[-1])
    return Recorded(summary, runs / "default", corrected_labels(name, problems))


def count(labels: Labels, verdicts: Sequence[set[float]]) -> int:
    return sum(set(each) in verdicts for each in labels.values())


def test_every_problem_is_one_group(recorded: Recorded) -> None:
    assert recorded.step["problems"] == len(recorded.labels)
    assert recorded.step["rollouts"] == sum(map(len, recorded.labels.values()))
    assert recorded.step["missing"] == {}


def test_every_reward_is_what_people_found(recorded: Recorded) -> None:
    rewards = recorded.rewards()
    wrong = {
        problem: (labels, rewards[problem])
        for problem, labels in recorded.labels.items()
        for label, reward in zip(labels, rewards[problem], strict=True)
        if label is not None and label != reward
    }
    assert wrong == {}


def test_groups_fall_apart_as_the_labels_do(recorded: Recorded) -> None:
    step, labels = recorded.step, recorded.labels
    assert step["groups_with_contrast"] == count(labels, [{0.0, 1.0}])
    assert step["groups_all_right"] == count(labels, [{1.0}])
    assert step["groups_all_wrong"] == count(labels, [{0.0}])


def test_mean_reward_is_that_of_the_labels(recorded: Recorded) -> None:
    known = [label for labels in recorded.labels.values() for label in labels if label is not None]
    assert recorded.step["mean_reward"] == pytest.approx(sum(known) / len(known))


def test_only_groups_with_contrast_are_reflected_on(recorded: Recorded) -> None:
    calls = recorded.step["usage"]["extract_advantage"]
    assert calls["calls"] - calls["repairs"] == recorded.step["groups_with_contrast"]


def test_replaying_costs_no_tokens_of_the_policy(recorded: Recorded) -> None:
    rollouts = recorded.step["usage"]["rollout"]
    assert (rollouts["input"], rollouts["output"]) == (0, 0)
