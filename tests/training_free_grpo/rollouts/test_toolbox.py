import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from langchain_core.messages.tool import tool_call
from langchain_core.tools import tool
from langgraph.graph import MessagesState, StateGraph

from training_free_grpo.models import Refused
from training_free_grpo.rollouts.toolbox import (
    Toolbox,
    default_toolbox,
    make_toolbox,
    start_tools,
)
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.tools.python_sandbox import SandboxUnavailable, make_python_tool
from training_free_grpo.tools.web_search import make_search_tool, tavily


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    path = tmp_path / "docs.jsonl"
    path.write_text(json.dumps({"title": "Orders", "text": "Order 17 is in Lyon."}) + "\n")
    return path


def names(toolbox: Toolbox) -> list[str]:
    return [tool.name for tool in toolbox.tools]


def call(toolbox: Toolbox, name: str, **arguments: object) -> str:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", toolbox.run)
    graph.set_entry_point("tools")
    asked = AIMessage("", tool_calls=[tool_call(name=name, args=dict(arguments), id="1")])
    return str(graph.compile().invoke({"messages": [asked]})["messages"][-1].content)


def test_a_real_model_gets_python_search_and_pages() -> None:
    toolbox = default_toolbox(Settings(model="openai:gpt-5-mini"))
    assert names(toolbox) == ["run_python", "web_search", "read_page"]


def test_offline_there_are_no_pages() -> None:
    assert names(default_toolbox(Settings())) == ["run_python", "web_search"]


@pytest.mark.parametrize(
    ("chosen", "there"),
    [
        ("none", []),
        ("python", ["run_python"]),
        ("pages, search", ["web_search", "read_page"]),
    ],
)
def test_there_are_the_tools_that_the_settings_name(chosen: str, there: list[str]) -> None:
    settings = Settings.read({"model": "openai:gpt-5-mini", "tools": chosen})
    assert names(default_toolbox(settings)) == there


@pytest.mark.parametrize(
    ("chosen", "unknown"), [("python,telephone", "'telephone'"), ("", "''"), ("none,pages", "none")]
)
def test_an_unknown_tool_is_refused_by_name_with_those_that_there_are(
    chosen: str, unknown: str
) -> None:
    with pytest.raises(SettingsError, match=f"'tools' is .* no tool is called .*{unknown}.*python"):
        Settings.read({"tools": chosen})


async def test_a_search_that_is_not_asked_for_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    await start_tools(Settings(search="tavily", tools="pages"))


def test_the_settings_name_documents_to_search(documents: Path) -> None:
    toolbox = default_toolbox(Settings(model="openai:gpt-5-mini", search=f"corpus:{documents}"))
    assert names(toolbox) == ["run_python", "web_search"]
    assert "in Lyon" in call(toolbox, "web_search", query="order 17")


def test_results_are_kept_where_the_settings_say(documents: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    chosen = Settings(search=f"corpus:{documents}", search_cache=str(kept))
    call(default_toolbox(chosen), "web_search", query="order 17")
    assert kept.exists()


@pytest.mark.parametrize("search", ["google", "searxng:nowhere", "corpus:", "tavily:key"])
def test_an_unknown_search_is_refused_with_the_setting(search: str) -> None:
    with pytest.raises(SettingsError, match="setting 'search' is"):
        Settings.read({"search": search})


async def test_a_missing_key_is_found_before_anything_is_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="set TAVILY_API_KEY"):
        await start_tools(Settings(search="tavily"))


async def test_missing_documents_are_found_before_anything_is_paid_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"setting 'search' is .*nowhere\.jsonl"):
        await start_tools(Settings(search=f"corpus:{tmp_path / 'nowhere.jsonl'}"))


def test_a_failing_tool_returns_an_error_to_the_model() -> None:
    @tool
    def look_up(word: str) -> str:
        """Look a word up."""
        raise KeyError(word)

    answer = call(make_toolbox([look_up]), "look_up", word="grpo")
    assert answer == "The tool failed: KeyError: 'grpo'. Correct the call, or do without it."


def test_a_tool_that_can_never_work_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    toolbox = make_toolbox([make_search_tool(tavily())])
    with pytest.raises(Refused, match="TAVILY_API_KEY"):
        call(toolbox, "web_search", query="anything")


def test_a_machine_without_isolation_ends_the_run() -> None:
    @tool
    def run_python(code: str) -> str:
        """Run code."""
        raise SandboxUnavailable("No isolation works on this machine")

    with pytest.raises(Refused, match="No isolation works"):
        call(make_toolbox([run_python]), "run_python", code="1")


@pytest.mark.process
async def test_the_end_of_a_thread_ends_its_variables() -> None:
    python = make_python_tool(scope="thread")
    toolbox = make_toolbox([python])
    config = {"configurable": {"thread_id": "1/7/0"}}
    python.invoke({"code": "x = 42"}, config)  # type: ignore[arg-type]
    await toolbox.end_thread("1/7/0")
    assert "NameError" in python.invoke({"code": "x"}, config)  # type: ignore[arg-type]
