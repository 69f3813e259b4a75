"""The ReAct agent: its turns, its tools, and how it reads its library."""

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver

from training_free_grpo import Models, Settings
from training_free_grpo.graphs.agent import agent as served_agent
from training_free_grpo.graphs.agent import build_agent_graph
from training_free_grpo.library import LibraryError
from training_free_grpo.library.prompt import with_experience
from training_free_grpo.prompts import render_prompt
from training_free_grpo.rollouts.react import AgentInput, ReactAgent, system_prompt
from training_free_grpo.rollouts.toolbox import default_toolbox, make_toolbox
from training_free_grpo.simulated import training_problems

QUESTION = {"messages": [HumanMessage("What is tea?")]}
ANSWER = AIMessage(r"\boxed{a drink}")


class Script(BaseChatModel):
    """Answers with one message after the other, then with the last; notes what it is shown."""

    lines: list[AIMessage]
    seen: list[list[BaseMessage]]
    offered: list[list[str]]

    @property
    def _llm_type(self) -> str:
        return "script"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(offered=[each.name for each in tools], **kwargs)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.offered.append(kwargs.get("offered", []))
        line = self.lines[min(len(self.seen), len(self.lines) - 1)]
        self.seen.append(list(messages))
        # A new message each time: a model never sends the same one, id and all, twice.
        fresh = line.model_copy(update={"id": None})
        return ChatResult(generations=[ChatGeneration(message=fresh)])

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        return self._generate(messages, **kwargs)


def script(*lines: AIMessage) -> Script:
    return Script(lines=list(lines), seen=[], offered=[])


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    if word == "coffee":
        raise LookupError("page torn out")
    return f"{word} is a drink"


def call(name: str = "look_up", number: int = 1, **args: Any) -> AIMessage:
    """Return a message that calls a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call-{number}"}])


def ask(model: Script, tools: list[BaseTool] | None = None, **given: Any) -> list[BaseMessage]:
    """Let the agent answer, and return the talk."""
    options = given.pop("settings", {})
    toolbox = make_toolbox([look_up] if tools is None else tools)
    result = build_agent_graph(ReactAgent(Models(model), toolbox)).invoke(
        {**QUESTION, **given}, context=Settings(**options)
    )
    talk: list[BaseMessage] = result["messages"]
    return talk


def tool_answers(talk: list[BaseMessage]) -> list[str]:
    return [m.text for m in talk if isinstance(m, ToolMessage)]


class TestTools:
    @pytest.mark.parametrize("names", ["python", "search", "python,search", "pages"])
    def test_the_prompt_speaks_of_those_that_are_there_and_of_no_others(self, names: str) -> None:
        settings = Settings(model="openai:gpt-5-mini", tools=names)
        tools = default_toolbox(settings).tools
        system = system_prompt(settings, tools)
        known = {"run_python", "web_search", "read_page"}
        assert {name for name in known if f"`{name}`" in system} == {tool.name for tool in tools}

    def test_an_agent_without_any_is_not_told_of_tools(self) -> None:
        model = script(ANSWER)
        ask(model, tools=[])
        assert model.offered == [[]]
        assert "tool" not in model.seen[0][0].text.casefold()

    def test_result_of_a_tool_call_is_shown_to_the_model(self) -> None:
        model = script(call(word="tea"), ANSWER)
        talk = ask(model)
        assert tool_answers(talk) == ["tea is a drink"]
        assert model.seen[1][-1].text == "tea is a drink"
        assert talk[-1].text == ANSWER.text

    def test_several_calls_of_one_turn_are_each_answered(self) -> None:
        both = AIMessage(
            "", tool_calls=[*call(word="tea").tool_calls, *call(word="milk", number=2).tool_calls]
        )
        talk = ask(script(both, ANSWER))
        answers = {m.tool_call_id: m.text for m in talk if isinstance(m, ToolMessage)}
        assert answers == {"call-1": "tea is a drink", "call-2": "milk is a drink"}

    def test_answer_without_a_call_ends_the_rollout(self) -> None:
        assert len(ask(script(ANSWER))) == 2

    def test_agent_may_have_no_tools(self) -> None:
        model = script(ANSWER)
        ask(model, tools=[])
        assert model.offered == [[]]


class TestMistakes:
    """Every call gets an answer that the model can act on; none ends the rollout."""

    def test_arguments_that_are_not_json_are_answered(self) -> None:
        broken = {"name": "look_up", "args": '{"word": ', "id": "call-1", "error": None}
        talk = ask(script(AIMessage("", invalid_tool_calls=[broken]), ANSWER))
        (said,) = tool_answers(talk)
        assert "not valid JSON" in said
        assert talk[-1].text == ANSWER.text

    def test_valid_call_beside_an_invalid_one_still_runs(self) -> None:
        broken = {"name": "look_up", "args": "{", "id": "call-2", "error": None}
        mixed = AIMessage("", tool_calls=call(word="tea").tool_calls, invalid_tool_calls=[broken])
        talk = ask(script(mixed, ANSWER))
        assert sorted(m.tool_call_id for m in talk if isinstance(m, ToolMessage)) == [
            "call-1",
            "call-2",
        ]

    def test_arguments_that_do_not_fit_are_answered_with_the_field(self) -> None:
        (said,) = tool_answers(ask(script(call(wort="tea"), ANSWER)))
        assert "word" in said
        assert "required" in said.lower()

    def test_unknown_tool_is_answered_with_those_there_are(self) -> None:
        (said,) = tool_answers(ask(script(call("brew", word="tea"), ANSWER)))
        assert "brew" in said
        assert "look_up" in said

    def test_tool_that_raises_is_answered_with_the_reason(self) -> None:
        talk = ask(script(call(word="coffee"), ANSWER))
        (said,) = tool_answers(talk)
        assert "LookupError" in said
        assert "page torn out" in said
        assert talk[-1].text == ANSWER.text


class TestTurns:
    def test_after_the_last_turn_the_answer_is_asked_for_without_tools(self) -> None:
        model = script(call(word="tea"), call(word="tea", number=2), ANSWER)
        talk = ask(model, settings={"max_turns": 2})
        assert model.offered == [["look_up"], ["look_up"], []]
        assert model.seen[2][-1].text == render_prompt("final_answer")
        assert talk[-1].text == ANSWER.text

    def test_calls_made_without_tools_are_dropped(self) -> None:
        stubborn = AIMessage("Once more.", tool_calls=call(word="tea").tool_calls)
        talk = ask(script(stubborn), settings={"max_turns": 1})
        last = talk[-1]
        assert isinstance(last, AIMessage)
        assert (last.text, last.tool_calls) == ("Once more.", [])

    def test_model_that_never_ends_is_stopped(self) -> None:
        model = script(AIMessage("Again.", tool_calls=call(word="tea").tool_calls))
        ask(model, settings={"max_turns": 5})
        assert len(model.seen) == 6


class TestLibrary:
    LESSONS = "[G0] Tea: name the plant.\n[G3] Drinks: name the vessel."

    def test_is_in_the_system_prompt_as_the_middleware_writes_it(self) -> None:
        model = script(ANSWER)
        ask(model, lessons=self.LESSONS, settings={"agent_objective": "Define."})
        system = system_prompt(Settings(agent_objective="Define."), [look_up])
        assert model.seen[0] == [
            SystemMessage(with_experience(system, self.LESSONS)),
            *QUESTION["messages"],
        ]

    def test_stands_there_in_every_turn(self) -> None:
        model = script(call(word="tea"), ANSWER)
        ask(model, lessons=self.LESSONS)
        assert all(m[0].text.endswith(self.LESSONS) for m in model.seen)

    @pytest.mark.parametrize("given", [{}, {"lessons": ""}], ids=["none", "empty"])
    def test_without_lessons_the_prompt_is_as_it_was(self, given: Any) -> None:
        model = script(ANSWER)
        ask(model, **given)
        assert model.seen[0][0].text == system_prompt(Settings(), [look_up])


class TestServedAgent:
    """The graph that langgraph.json names, on the embedded model."""

    def test_answers_a_problem(self) -> None:
        problem = training_problems()[0]["problem"]
        talk = served_agent.invoke({"messages": [("user", problem)]}, context=Settings())
        assert "boxed" in talk["messages"][-1].text

    async def test_answers_without_settings_too(self) -> None:
        problem = training_problems()[0]["problem"]
        talk = await served_agent.ainvoke({"messages": [("user", problem)]})
        assert "boxed" in talk["messages"][-1].text

    def test_continues_a_conversation(self) -> None:
        first, second = (p["problem"] for p in training_problems()[:2])
        talk = served_agent.invoke({"messages": [("user", first)]})["messages"]
        talk = served_agent.invoke({"messages": [*talk, ("user", second)]})["messages"]
        assert [m.type for m in talk].count("human") == 2
        assert talk[-1].type == "ai"

    def test_talk_of_many_turns_still_has_its_tools(self) -> None:
        model = script(ANSWER)
        earlier = [m for _ in range(4) for m in (HumanMessage("Hello."), ANSWER.model_copy())]
        ask(model, messages=[*earlier, *QUESTION["messages"]], settings={"max_turns": 3})
        assert model.offered == [["look_up"]]


class TestServed:
    """The agent that langgraph.json names: a talk, and a library to read."""

    @pytest.mark.parametrize("library", [{"G7": "Fences: count the posts."}, None, {}])
    def test_takes_messages_and_a_library_and_nothing_else(self, library: Any) -> None:
        given: Any = {**QUESTION, "library": library, "settings": {"model": "openai:nope"}}
        found = served_agent.invoke(given)
        assert found.keys() <= {"messages", "library"}
        assert found["messages"][-1].text

    def test_library_stays_with_the_talk(self) -> None:
        model = script(ANSWER, ANSWER)
        talk = build_agent_graph(ReactAgent(Models(model), make_toolbox([])), AgentInput)
        talk.checkpointer = InMemorySaver()
        thread: RunnableConfig = {"configurable": {"thread_id": "1"}}
        talk.invoke({**QUESTION, "library": {"G7": "Fences: count the posts."}}, thread)
        talk.invoke(QUESTION, thread)
        assert all("[G7] Fences: count the posts." in seen[0].text for seen in model.seen)
        assert len(model.seen) == 2

    def test_damaged_library_is_refused_by_name(self) -> None:
        with pytest.raises(LibraryError, match="lesson 'G0' is 3"):
            served_agent.invoke({**QUESTION, "library": {"G0": 3}})

    def test_empty_talk_is_refused(self) -> None:
        with pytest.raises(ValueError, match="messages is empty"):
            served_agent.invoke({"messages": []})
