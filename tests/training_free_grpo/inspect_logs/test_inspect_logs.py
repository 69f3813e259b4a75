"""Runs as logs of Inspect, read back by Inspect itself."""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from training_free_grpo.datasets import read_problems
from training_free_grpo.inspect_logs import TrainingLogs, missing_logs, write_step
from training_free_grpo.inspect_logs.samples import inspect_messages
from training_free_grpo.records import JSON, Event
from training_free_grpo.runs.files import read_groups, read_metrics, read_rollouts
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.runs.training import TrainingRun
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems
from training_free_grpo.traces import load_traces

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")

SETTINGS = Settings(model="simulated", epochs=1, batch_size=8, group_size=4)


def train(folder: Path, place: Path, *, agent: Any = None, rows: Any = None) -> list[str]:
    """Make a run of two steps with its logs, and return the warnings."""
    problems = read_problems(rows)[0] if rows else training_problems()[::9]
    run, warnings = RunFolder(folder), list[str]()
    with TrainingLogs(run, place, warnings.append) as logs:
        asyncio.run(TrainingRun(run, SETTINGS, problems, agent=agent).run(logs.hear))
    return warnings


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert train(folder, folder / "inspect") == []
    return RunFolder(folder)


def read(file: Path) -> "EvalLog":
    from inspect_ai.log import read_eval_log

    return read_eval_log(file, resolve_attachments=True)


def log_of(run: RunFolder, step: int = 1) -> "EvalLog":
    return read(run.path / "inspect" / f"first-step-{step:04}.eval")


def samples_of(run: RunFolder, step: int = 1) -> "dict[str, EvalSample]":
    """Return the samples by the rollouts that they were made of."""
    return {str(s.metadata["rollout"]): s for s in log_of(run, step).samples or []}


def test_each_step_is_a_log_of_its_own(run: RunFolder) -> None:
    from inspect_ai.log import list_eval_logs

    logs = [read(Path(info.name.removeprefix("file://"))) for info in list_eval_logs(str(run.path))]
    told = sorted((log.eval.task, log.eval.task_args["step"], log.status) for log in logs)
    assert told == [("first step 1", 1, "success"), ("first step 2", 2, "success")]
    assert len({log.eval.run_id for log in logs}) == 1
    assert len({log.eval.eval_id for log in logs}) == 2


def test_rollout_is_an_epoch_of_the_sample_of_its_problem(run: RunFolder) -> None:
    rows = read_rollouts(run.path, 1)
    found = {id: (s.id, s.epoch, s.input) for id, s in samples_of(run).items()}
    assert len(rows) == 32
    assert found == {
        id: (row["problem_id"], row["attempt"] + 1, row["problem"]) for id, row in rows.items()
    }


def test_score_is_the_reward_with_what_the_grader_said(run: RunFolder) -> None:
    rows, groups = read_rollouts(run.path, 1), read_groups(run.path, 1)
    for id, sample in samples_of(run).items():
        score = (sample.scores or {})["math"]
        assert (score.value, score.answer) == (rows[id]["reward"], rows[id]["extracted"])
        assert score.explanation == groups[str(sample.id)]["critiques"][id]
    assert "does not equal the expected" in json.dumps(groups)


def test_messages_begin_with_the_problem_and_keep_the_calls_of_tools(run: RunFolder) -> None:
    rows = read_rollouts(run.path, 1)
    for id, sample in samples_of(run).items():
        question, *said = sample.messages
        assert (question.role, question.text) == ("user", rows[id]["problem"])
        assert [m.text for m in said] == [m["content"] for m in rows[id]["messages"]]
        calls = [call for m in said if m.role == "assistant" for call in m.tool_calls or []]
        assert len(calls) == rows[id]["tool_calls"]
    assert any(row["tool_calls"] for row in rows.values())


def test_summary_and_operations_stand_beside_the_attempt(run: RunFolder) -> None:
    groups = read_groups(run.path, 1)
    compared = {problem: group for problem, group in groups.items() if group["proposals"]}
    told: dict[str, JSON] = {}
    for id, sample in samples_of(run).items():
        events: Sequence[Any] = sample.events
        told[id] = {event.source: event.data for event in events if event.event == "info"}
    for group in compared.values():
        for id, summary in group["summaries"].items():
            assert told[id]["summarize"] == summary
            operations = [proposal["operation"] for proposal in group["proposals"]]
            assert told[id]["extract_advantage"]["operations"] == operations
    assert compared


def test_usage_is_reported_by_model_and_by_role(run: RunFolder) -> None:
    (figures, _), log = read_metrics(run.path), log_of(run)
    told = {role: used.total_tokens for role, used in (log.stats.role_usage or {}).items()}
    expected = {role: used["input"] + used["output"] for role, used in figures["usage"].items()}
    assert told == expected
    assert log.stats.model_usage["simulated"].total_tokens == sum(expected.values())
    assert log.stats.model_usage["simulated"].total_cost == 0


def test_mean_reward_is_the_result(run: RunFolder) -> None:
    figures, log = read_metrics(run.path)[1], log_of(run, 2)
    assert log.results is not None
    assert log.results.scores[0].metrics["mean"].value == figures["mean_reward"]


def test_log_reads_back_as_recorded_attempts(run: RunFolder) -> None:
    again, _ = load_traces([run.path / "inspect" / "first-step-0001.eval"])
    first, _ = load_traces([run.path / "rollouts" / "step-0001.jsonl"])
    assert {id: [t.grade["reward"] for t in group] for id, group in again.attempts.items()} == {
        id: [t.grade["reward"] for t in group] for id, group in first.attempts.items()
    }


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:pandas", "ignore::DeprecationWarning:inspect_ai"
)
def test_log_is_a_table_for_pandas(run: RunFolder) -> None:
    from inspect_ai.analysis import samples_df

    table = samples_df(str(run.path / "inspect"), quiet=True)
    (score,) = [name for name in table.columns if name.startswith("score_")]
    groups = [group for step in (1, 2) for group in read_groups(run.path, step).values()]
    rewards = [attempt["reward"] for group in groups for attempt in group["attempts"]]
    assert len(table) == 64
    assert set(table["epoch"]) == {1, 2, 3, 4}
    assert sorted(table[score]) == sorted(rewards)


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:pandas", "ignore::DeprecationWarning:inspect_ai"
)
def test_messages_are_a_table_for_pandas(run: RunFolder) -> None:
    from inspect_ai.analysis import messages_df

    table = messages_df(str(run.path / "inspect"), quiet=True)
    rows = [row for step in (1, 2) for row in read_rollouts(run.path, step).values()]
    said = [
        text
        for row in rows
        for text in (row["problem"], *map(itemgetter("content"), row["messages"]))
    ]
    assert sorted(table["content"]) == sorted(said)
    assert sum(table["tool_calls"].notna() & (table["tool_calls"] != "")) > 0
    assert table["message_id"].is_unique


def test_each_turn_is_reported_as_a_model_call(run: RunFolder) -> None:
    rows = read_rollouts(run.path, 1)
    for id, sample in samples_of(run).items():
        calls = [event for event in sample.events if event.event == "model"]
        assert len(calls) == rows[id]["turns"]
        assert [call.input[0].text for call in calls] == [sample.input] * len(calls)
        assert calls[-1].output.message.text == rows[id]["answer"]
        assert {call.model for call in calls} == {"simulated"}


def test_log_tells_how_long_its_step_took(run: RunFolder) -> None:
    first, second = log_of(run, 1).stats, log_of(run, 2).stats
    assert first.started_at <= first.completed_at <= second.started_at <= second.completed_at
    assert first.started_at


def test_step_of_a_copied_run_does_not_end_before_it_began(run: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    os.utime(copy.path / "rollouts" / "step-0001.jsonl", (0, 0))
    asyncio.run(write_step(copy, read_metrics(copy.path)[0], tmp_path / "log.eval"))
    stats = read(tmp_path / "log.eval").stats
    assert stats.started_at == stats.completed_at


def test_recorded_attempts_are_those_of_no_model(run: RunFolder, tmp_path: Path) -> None:
    traces, _ = load_traces([run.path / "rollouts" / "step-0001.jsonl"])
    folder, warnings = RunFolder(tmp_path / "learned"), list[str]()
    with TrainingLogs(folder, tmp_path, warnings.append) as logs:
        learning = TrainingRun(folder, SETTINGS, traces.problems, traces=traces)
        asyncio.run(learning.run(logs.hear))
    log = read(tmp_path / "learned-step-0001.eval")
    assert log.eval.model == "recorded"
    assert {sample.output.model for sample in log.samples or []} == {"recorded"}
    assert warnings == []


async def test_only_steps_without_a_log_of_what_they_are_now_are_written(run: RunFolder) -> None:
    place = run.path / "inspect"
    assert list(missing_logs(run, place)) == []
    os.utime(place / "first-step-0002.eval", (0, 0))
    ((figures, file),) = missing_logs(run, place)
    assert (figures["step"], file.name) == (2, "first-step-0002.eval")
    await write_step(run, figures, file)
    assert list(missing_logs(run, place)) == []


async def test_log_is_written_as_soon_as_its_step_is_finished(tmp_path: Path) -> None:
    folder, heard = RunFolder(tmp_path / "run"), list[int]()

    def hear(event: Event) -> None:
        if event["event"] == "step":
            heard.append(len(list(missing_logs(folder, tmp_path / "logs"))))

    await TrainingRun(folder, SETTINGS, training_problems()[::9]).run(hear)
    assert heard == [1, 2]


def test_missing_rollout_is_an_error_with_its_reason_and_no_score(tmp_path: Path) -> None:
    def answer(given: JSON) -> AIMessage:
        if "hard" in given["messages"][-1].text:
            raise ConnectionError("no route")
        return AIMessage(r"\boxed{2}")

    rows = [{"problem": f"{kind}: 1 + 1?", "answer": "2"} for kind in ("easy", "hard")]
    train(tmp_path / "run", tmp_path, agent=RunnableLambda(answer), rows=rows)
    log = read(tmp_path / "run-step-0001.eval")
    lost = [s for s in log.samples or [] if "hard" in str(s.input)]
    assert len(lost) == 4
    for sample in lost:
        assert sample.scores is None
        assert sample.error is not None
        assert "no route" in sample.error.message
    assert log.results is not None
    assert (log.results.total_samples, log.results.completed_samples) == (8, 4)


def test_a_failure_to_write_a_log_is_a_warning_and_the_run_continues(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warnings = train(tmp_path / "run", tmp_path / "file" / "logs")
    assert len(warnings) == 2
    assert "run-step-0001.eval was not written" in warnings[0]
    assert len(read_metrics(tmp_path / "run")) == 2


async def test_transcript_in_no_known_form_is_kept_as_a_text() -> None:
    odd: JSON = {"role": "assistant", "content": [{"type": "hologram", "text": "a cube"}]}
    (message,) = await inspect_messages([odd])
    assert message.text == "[assistant] a cube"


async def test_call_that_is_no_json_is_kept_as_it_was_made() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{1"}}
    (message,) = await inspect_messages(
        [{"role": "assistant", "content": "", "tool_calls": [call]}]
    )
    assert message.role == "assistant"
    (read,) = message.tool_calls or []
    assert "{1" in str(read.parse_error)
