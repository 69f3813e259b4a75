"""Attempts on record take the place of rollouts; all that follows is the loop as it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standin import StandIn
from training_free_grpo import Settings, build_training_graph
from training_free_grpo.library import read_library
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.runs.recorder import RunRecorder
from training_free_grpo.traces import load_traces

LIBRARY = read_library({"G0": "Fences: count the posts."})
CALL = {"id": "c1", "type": "function", "function": {"name": "ruler", "arguments": '{"cm": 3}'}}
ROWS: list[Any] = [
    {"problem": "How long?", "answer": "7", "reward": 0.25, "response": "About \\boxed{7}."},
    {
        "answer": "7",
        "reward": 0.75,
        "messages": [
            {"role": "system", "content": "Measure."},
            {"role": "user", "content": "How long?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "It is 7 long."},
            {"role": "assistant", "content": "\\boxed{8}"},
        ],
    },
    {"problem": "How long?", "answer": "7", "response": "\\boxed{7}"},
    {"problem": "How wide?", "answer": "5", "response": "\\boxed{5}"},
    {"problem": "How wide?", "answer": "5", "response": "It is \\boxed{5}."},
    {"problem": "How high?", "answer": "2", "response": "\\boxed{2}"},
]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


def learn(folder: Path, server: StandIn, rows: list[Any] = ROWS, **options: Any) -> Any:
    """Learn from the rows, and return the state of the training."""
    file = folder / "traces.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    traces, _ = load_traces([file])
    graph = build_training_graph(
        traces=traces, archive=RunArchive(folder), recorder=RunRecorder(folder)
    )
    settings = Settings(**{"model": "openai:x", "base_url": server.url, "epochs": 1} | options)
    given = {"problems": traces.problems, "library": LIBRARY}
    return graph.invoke(given, context=settings)


def test_no_rollout_is_made_and_only_contrast_is_reflected_on(
    server: StandIn, tmp_path: Path
) -> None:
    learn(tmp_path, server)
    assert server.count() == {"summarize": 3, "extract_advantage": 1, "edit_experiences": 1}


def test_rewards_on_record_count_and_the_rest_is_graded(server: StandIn, tmp_path: Path) -> None:
    learn(tmp_path, server)
    lines = (tmp_path / "rollouts" / "step-0001.jsonl").read_text().splitlines()
    rewards: dict[str, list[Any]] = {}
    for line in map(json.loads, lines):
        rewards.setdefault(line["problem"], []).append(line["reward"])
    assert rewards == {"How long?": [0.25, 0.75, 1.0], "How wide?": [1, 1], "How high?": [1]}


def test_groups_are_as_large_as_the_record(server: StandIn, tmp_path: Path) -> None:
    (step,) = learn(tmp_path, server, group_size=9)["metrics"]
    assert (step["problems"], step["rollouts"], step["groups_with_contrast"]) == (3, 6, 1)


def test_summaries_read_the_tool_calls_on_record(server: StandIn, tmp_path: Path) -> None:
    learn(tmp_path, server)
    read = [call.messages[1]["content"] for call in server.of("summarize")]
    (told,) = [text for text in read if "[tool call]" in text]
    assert '[tool call] ruler {"cm": 3}\n[tool result] It is 7 long.\n[assistant]' in told
    assert "Measure." not in told


def test_recorded_attempts_cost_nothing(server: StandIn, tmp_path: Path) -> None:
    (step,) = learn(tmp_path, server)["metrics"]
    assert "rollout" not in step["usage"]


def test_lessons_join_the_library_that_was_given(server: StandIn, tmp_path: Path) -> None:
    library = learn(tmp_path, server)["library"]
    assert library["experiences"].keys() > {"G0"} or library["experiences"]["G0"]["updated"]


def test_single_attempts_are_reflected_on_alone_where_groups_are_of_one(
    server: StandIn, tmp_path: Path
) -> None:
    learn(tmp_path, server, [ROWS[0], ROWS[5]], group_size=1)
    assert server.count() == {"summarize": 2, "extract_advantage": 2, "edit_experiences": 1}
