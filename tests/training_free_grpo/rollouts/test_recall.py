"""What a run remembers of its tools: a rollout that is made again does not run them twice."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import BaseTool, tool

from tests.graphs.test_agent import ANSWER, Script, call, script
from training_free_grpo import Models, Settings
from training_free_grpo.graphs.agent import build_agent_graph
from training_free_grpo.rollouts.react import ReactAgent
from training_free_grpo.rollouts.toolbox import make_toolbox
from training_free_grpo.storage.journal import Journal
from training_free_grpo.tools.python_sandbox import make_python_tool


class Till:
    """A tool with a side effect."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def tool(self) -> BaseTool:
        @tool
        def look_up(word: str) -> str:
            """Take money."""
            self.taken.append(word)
            if word == "coffee":
                raise LookupError("sold out")
            return f"{word}, {len(self.taken)} sold"

        return look_up


def ask(model: Script, tools: list[BaseTool], journal: Journal, **state: Any) -> list[Any]:
    given = {"messages": [HumanMessage("Tea?", id="1")], "seed": 1, "attempt": 0, **state}
    config: Any = {"configurable": {"thread_id": "talk"}}
    models = Models(policy_model=model, journal=journal)
    agent = build_agent_graph(ReactAgent(models, make_toolbox(tools)))
    result = asyncio.run(agent.ainvoke(given, config, context=Settings()))
    return [(m.content, getattr(m, "status", None)) for m in result["messages"]]


def test_a_rerun_rollout_runs_no_tool_twice(tmp_path: Path) -> None:
    till, model = Till(), script(call(word="tea"), call(word="coffee"), ANSWER)
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        first = ask(model, [till.tool()], journal)
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        assert ask(model, [till.tool()], journal) == first
    assert till.taken == ["tea", "coffee"]
    assert ("tea, 1 sold", "success") in first
    assert any(status == "error" and "sold out" in said for said, status in first)


@pytest.mark.parametrize("change", [{"seed": 2}, {"attempt": 1}])
def test_another_rollout_runs_its_own_tools(tmp_path: Path, change: dict[str, int]) -> None:
    till = Till()
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        ask(script(call(word="tea"), ANSWER), [till.tool()], journal)
        ask(script(call(word="tea"), ANSWER), [till.tool()], journal, **change)
    assert till.taken == ["tea", "tea"]


def test_the_same_call_twice_in_a_message_is_two_calls(tmp_path: Path) -> None:
    till = Till()
    calls = [call(number=n, word="tea").tool_calls[0] for n in (1, 2)]
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        said = ask(script(AIMessage("", tool_calls=calls), ANSWER), [till.tool()], journal)
    assert till.taken == ["tea", "tea"]
    assert len({text for text, _ in said if "sold" in text}) == 2


@pytest.mark.process
def test_a_tool_that_keeps_variables_runs_again_for_the_calls_after_it(tmp_path: Path) -> None:
    python = make_python_tool(scope="thread")
    first, second = (
        call("run_python", n, code=code) for n, code in ((1, "x = 20"), (2, "print(x + 1)"))
    )
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        ask(script(first, ANSWER), [python], journal)
        python.end_thread("talk")
    with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as calls, calls:
        calls.execute("DELETE FROM calls WHERE answer LIKE '%boxed%'")
    with Journal.open(tmp_path / "calls.sqlite") as journal:
        said = ask(script(second, ANSWER), [python], journal)
        python.end_thread("talk")
    assert any("21" in text for text, _ in said)
