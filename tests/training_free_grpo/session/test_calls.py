"""Train, evaluate and compare from Python, as the commands do."""

import asyncio
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from tests.standin import StandIn
from training_free_grpo import (
    Budget,
    Event,
    OutOfBudget,
    OverlapError,
    Settings,
    SettingsError,
    UserError,
    acompare,
    atrain,
    compare,
    evaluate,
    load_library,
    load_traces,
    train,
)
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.simulated import heldout_problems, training_problems

ROWS = training_problems()[:8]
OTHERS = heldout_problems()[:4]
QUICK = Settings(model="simulated", epochs=1, batch_size=4, group_size=2, tools="none")
SUMS = [{"problem": f"{n} + {n}?", "answer": str(2 * n)} for n in range(4)]
ANSWERS = {row["problem"]: row["answer"] for row in SUMS}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "any")


def test_a_library_is_learned_and_told_with_its_figures() -> None:
    result = train(ROWS, settings=QUICK)
    assert (result.status, len(result.metrics)) == ("finished", 2)
    assert result.lessons == [e["content"] for e in result.library["experiences"].values()]
    assert result.usage["rollout"]["calls"] == 16
    assert result.cost == 0.0
    assert str(result) == f"{len(result.lessons)} lessons after 2 steps, $0.00, finished"


def test_a_run_with_a_name_is_kept_and_resumed() -> None:
    first = train(ROWS, settings=QUICK, run="first")
    heard: list[Event] = []
    again = train(ROWS, settings=QUICK, run="first", on_event=heard.append)
    assert heard == []
    assert (again.library, again.folder) == (first.library, Path("runs/first"))
    with pytest.raises(RunError, match="started with other inputs"):
        train(ROWS, settings=QUICK.model_copy(update={"group_size": 3}), run="first")


def test_a_run_can_be_forked_from_python() -> None:
    first = train(ROWS, settings=QUICK, run="first")
    second = train(ROWS, settings=QUICK, run="first", fork="second", limit=4)
    assert second.folder == Path("runs/second")
    assert RunFolder(second.folder).manifest["parent"] == "first"
    assert second.library["next_id"] >= first.library["next_id"]
    with pytest.raises(RunError, match="needs the run to fork: name it with run="):
        train(ROWS, settings=QUICK, fork="third")


def test_the_files_of_a_run_without_a_name_are_removed_with_its_result() -> None:
    with train(ROWS[:4], settings=QUICK) as result:
        assert result.report().read_text("utf-8").startswith("<!doctype html>")
    assert not result.folder.exists()
    assert not Path("runs").exists()


def test_a_result_is_saved_exported_and_compared(tmp_path: Path) -> None:
    result = train(ROWS, settings=QUICK, library={"G0": "Fences: count the posts."})
    result.save("kept.json")
    assert load_library("kept.json") == result.library
    assert "Fences: count the posts." in result.export("skill", "fences")
    report = result.compare(OTHERS)
    assert list(report["evaluations"]) == ["without library", "with library"]
    assert report["difference"] == report["differences"]["without library"]


def test_what_was_learned_from_is_not_measured_on_unless_that_is_allowed() -> None:
    result = train(ROWS, settings=QUICK)
    with pytest.raises(OverlapError, match=r"8 of 8 problems.*give allow_overlap=True"):
        result.compare(ROWS)
    assert result.compare(ROWS, allow_overlap=True)["difference"]


def test_events_of_a_run_are_handed_on_in_their_order() -> None:
    heard: list[Event] = []
    train(ROWS[:4], settings=QUICK, on_event=heard.append)
    told = [event["event"] for event in heard]
    assert (told[0], told[-1], told.count("rollout")) == ("batch", "step", 8)


def test_a_budget_ends_a_run_that_a_larger_one_resumes() -> None:
    with StandIn(ANSWERS) as server:
        settings = Settings(
            model="openai:stand-in", base_url=server.url, epochs=1, group_size=2, tools="none"
        )
        with pytest.raises(OutOfBudget, match=r"of 3 calls\. call train\(\) again with a larger"):
            train(SUMS, settings=settings, run="first", budget=Budget(calls=3))
        result = train(SUMS, settings=settings, run="first", budget=Budget(calls=1000))
    assert (result.status, result.usage["rollout"]["calls"]) == ("finished", 8)


def test_a_budget_in_dollars_needs_a_price_and_names_the_arguments() -> None:
    with StandIn(ANSWERS) as server:
        settings = Settings(model="openai:stand-in", base_url=server.url, tools="none")
        with pytest.raises(SettingsError, match=r"budget=Budget\(cost=5\).*price='IN,CACHED,OUT'"):
            train(SUMS, settings=settings, budget=Budget(cost=5))
        assert server.calls == []


def test_the_same_calls_are_there_for_an_event_loop() -> None:
    async def both() -> tuple[Any, Any]:
        result = await atrain(ROWS[:4], settings=QUICK)
        return result, await acompare(OTHERS, result, QUICK)

    result, report = asyncio.run(both())
    assert result.status == "finished"
    assert set(report["evaluations"]) == {"without library", "with library"}
    assert train.__name__ == "train"
    assert inspect.signature(train).parameters == inspect.signature(atrain).parameters


def test_a_call_waits_inside_a_running_event_loop_too() -> None:
    async def cell() -> Any:
        return evaluate(OTHERS, settings=QUICK)

    assert asyncio.run(cell())["problems"] == 4


def test_an_evaluation_with_a_name_keeps_its_answers_and_its_report() -> None:
    made = []

    def agent(messages: Any) -> AIMessage:
        made.append(messages)
        return AIMessage("\\boxed{7}")

    report = compare(OTHERS, {"G0": "Sums: add."}, QUICK, agent=agent, run="measured")
    assert len(made) == 8
    assert RunFolder(Path("runs/measured")).read_json("evaluation.json") == json.loads(
        json.dumps(report)
    )


def test_arms_for_more_text_and_for_equal_cost_can_be_asked_for() -> None:
    placebo = {"G0": "Soups: let them simmer, and stir now and then."}
    lessons = {"G0": "Sums: add from the right, and carry the rest."}
    report = compare(OTHERS, lessons, QUICK, placebo=placebo, equal_cost=True)
    assert set(report["differences"]) >= {"without library", "placebo library"}


@pytest.mark.parametrize("library", ["a file", "a run", "a name", "json", "reference", "a result"])
def test_a_library_may_be_given_in_every_form(library: str) -> None:
    result = train(ROWS, settings=QUICK, run="first", library={"G7": "Fences: count the posts."})
    result.save("kept.json")
    forms: dict[str, Any] = {
        "a file": "kept.json",
        "a run": Path("runs/first"),
        "a name": "first",
        "json": result.library,
        "reference": {"G7": "Fences: count the posts."},
        "a result": result,
    }
    shown: list[str] = []

    def agent(messages: Any) -> str:
        shown.append(messages[0].text)
        return "7"

    evaluate(OTHERS[:1], forms[library], QUICK, agent=agent)
    assert "[G7] Fences: count the posts." in shown[0]


def test_rows_may_be_a_table_or_a_file() -> None:
    pandas = pytest.importorskip("pandas")
    rows = [{"question": row["problem"], "gold": row["answers"][0]} for row in OTHERS]
    table = pandas.DataFrame(rows)
    table.to_json("rows.jsonl", orient="records", lines=True)
    for problems in (table, "rows.jsonl", Path("rows.jsonl"), iter(rows)):
        assert evaluate(problems, settings=QUICK)["problems"] == 4


def test_recorded_attempts_are_learned_from_without_making_any() -> None:
    rows = [
        {"problem": "What is 2 + 2?", "answer": "4", "response": said, "reward": reward}
        for said, reward in (("I add: 4", 1.0), ("I guess: 5", 0.0))
    ]
    Path("attempts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    traces, _ = load_traces(["attempts.jsonl"])
    result = train(traces, model="simulated")
    assert [(step["rollouts"], step["groups_with_contrast"]) for step in result.metrics] == [(2, 1)]
    assert "rollout" not in result.usage


def test_names_load_what_they_name() -> None:
    Path("mine.py").write_text(
        "def agent(messages):\n    return '7'\n\ndef right(problem, answer):\n    return 1.0\n"
    )
    found = evaluate(OTHERS, settings=QUICK, agent="mine:agent", grader="mine:right")
    assert found["mean"] == 1.0


def test_an_agent_and_a_grader_that_are_objects_are_recorded_by_name() -> None:
    def right(problem: Any, answer: str) -> float:
        return 1.0

    agent: RunnableLambda[Any, Any] = RunnableLambda(lambda state: AIMessage("7"), name="seven")
    result = train(ROWS[:2], agent=agent, grader=right, settings=QUICK, run="first")
    manifest = RunFolder(result.folder).manifest
    assert manifest["agent"].endswith(":RunnableLambda seven")
    assert manifest["grader"].endswith("right")


def test_a_progress_bar_counts_rollouts_and_tells_tokens_and_dollars(
    capfd: pytest.CaptureFixture[str],
) -> None:
    train(ROWS[:4], settings=QUICK, progress=True)
    said = capfd.readouterr().err
    assert "12/12" in said
    assert "tokens, $0.00" in said


ROW = "[{'problem': '1+1?', 'answer': '2'}], settings={'tools': 'none'}"
SCRIPT = f"""
from training_free_grpo import evaluate
evaluate({ROW}, model='simulated')
print('named')
evaluate({ROW})
evaluate({ROW})
"""


def test_the_simulated_model_is_told_of_once_where_nobody_named_it(tmp_path: Path) -> None:
    run = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("named\n", 0), done.stderr
    assert done.stderr.count("SimulationWarning: the model is simulated") == 1


def test_every_error_that_a_user_can_fix_has_one_base_class() -> None:
    for rows, options in (
        ([{"question": ""}], {}),
        ("no_such_file.jsonl", {}),
        (ROWS, {"settings": {"epoch": 3}}),
        (ROWS, {"library": "no_such_library"}),
        (ROWS, {"agent": "no_such_module:agent"}),
        (ROWS, {"model": "openai:gpt-5-mini", "run": "a/b"}),
        (ROWS, {"settings": {"model": "openai:"}, "model": "openai:other"}),
    ):
        with pytest.raises(UserError):
            train(rows, **options)
