"""A user's own agent takes the place of the ReAct agent: any runnable over messages."""

import asyncio
import json
import operator
import threading
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain.agents import AgentState, create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from training_free_grpo import (
    ExperienceMiddleware,
    Settings,
    build_evaluation_graph,
    build_training_graph,
    evaluate,
)
from training_free_grpo.library import read_library, render_library
from training_free_grpo.library.prompt import experience_block
from training_free_grpo.models import Refused
from training_free_grpo.records import Evaluation, Metrics
from training_free_grpo.runs.archive import RunArchive
from training_free_grpo.simulated import training_problems

PROBLEMS = training_problems()[:3]
LIBRARY = read_library({"G0": "Fences: count the posts."})
SETTINGS = Settings(epochs=1, group_size=2)


class Scripted(BaseChatModel):
    """Answers with the number of human messages that it sees, and notes all that it sees."""

    seen: list[list[BaseMessage]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(list(messages))
        asked = sum(isinstance(m, HumanMessage) for m in messages)
        answer = AIMessage(f"\\boxed{{{asked}}}")
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        await asyncio.sleep(0)
        return self._generate(messages)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


class Caller(Scripted):
    """Calls the tool once before it answers."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if any(isinstance(m, AIMessage) for m in messages):
            return super()._generate(messages)
        call = {"name": "look_up", "args": {"word": "tea"}, "id": "call-1"}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])


@pytest.mark.process
def test_call_that_could_not_be_read_is_kept_with_what_was_said_to_it(tmp_path: Path) -> None:
    broken: Any = {"name": "look_up", "args": '{"word": "te', "id": "c1", "error": "no JSON"}
    said = [
        AIMessage("", invalid_tool_calls=[broken]),
        ToolMessage("no JSON", tool_call_id="c1"),
        AIMessage("tea"),
    ]
    agent: Any = RunnableLambda(lambda given: {"messages": said})
    graph = build_training_graph(agent, archive=RunArchive(tmp_path))
    graph.invoke({"problems": PROBLEMS[:1]}, context=SETTINGS)
    line = (tmp_path / "rollouts" / "step-0001.jsonl").read_text("utf-8").splitlines()[0]
    asked, told, _ = json.loads(line)["messages"]
    (call,) = asked["tool_calls"]
    assert call["function"] == {"name": "look_up", "arguments": '{"word": "te'}
    assert call["id"] == told["tool_call_id"]


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} is a word"


def answered_alone(problem: Any, answer: str) -> float:
    """Reward an answer that was given with one human message in sight."""
    return float("{1}" in answer)


def examine(agent: Runnable[Any, Any], grader: Any = answered_alone, **options: Any) -> Evaluation:
    settings = Settings(attempts=2, **options)
    return evaluate(PROBLEMS, LIBRARY, settings, agent=agent, grader=grader)


def train(agent: Any, settings: Settings = SETTINGS) -> Metrics:
    graph = build_training_graph(agent, answered_alone)
    result = graph.invoke({"problems": PROBLEMS, "library": LIBRARY}, context=settings)
    step: Metrics = result["metrics"][0]
    return step


class TestForms:
    def test_bare_chat_model_answers_with_the_lessons_in_sight(self) -> None:
        model = Scripted(seen=[])
        assert examine(model)["mean"] == 1.0
        assert lessons_seen(model) == {experience_block(render_library(LIBRARY))}

    def test_bound_chat_model_answers_with_the_lessons_in_sight(self) -> None:
        model = Scripted(seen=[])
        assert examine(model.bind(stop=["x"]))["mean"] == 1.0
        assert lessons_seen(model) == {experience_block(render_library(LIBRARY))}

    def test_agent_graph_answers_with_the_lessons_in_sight(self) -> None:
        model = Scripted(seen=[])
        assert examine(create_agent(model))["mean"] == 1.0
        assert lessons_seen(model) == {experience_block(render_library(LIBRARY))}

    def test_agent_graph_keeps_its_own_system_prompt_ahead_of_the_lessons(self) -> None:
        model = Scripted(seen=[])
        examine(create_agent(model, system_prompt="Be brief."))
        texts = [m.text for m in model.seen[0] if isinstance(m, SystemMessage)]
        assert texts == ["Be brief.", experience_block(render_library(LIBRARY))]

    def test_lessons_stand_in_the_system_prompt_where_the_middleware_has_a_place(self) -> None:
        model = Scripted(seen=[])
        place = ExperienceMiddleware()
        examine(create_agent(model, system_prompt="Be brief.", middleware=[place]))
        (deployed, *_), *_ = model.seen
        block = experience_block(render_library(LIBRARY))
        assert all([m.type for m in seen] == ["system", "human"] for seen in model.seen)
        assert deployed.text == f"Be brief.\n\n{block}"

    def test_place_for_lessons_has_the_words_of_its_format(self) -> None:
        model = Scripted(seen=[])
        place = ExperienceMiddleware(format="Lessons so far:\n{{ library }}")
        examine(create_agent(model, middleware=[place]))
        assert lessons_seen(model) == {f"Lessons so far:\n{render_library(LIBRARY)}"}

    def test_place_is_empty_outside_training(self) -> None:
        model = Scripted(seen=[])
        create_agent(model, middleware=[ExperienceMiddleware()]).invoke(
            {"messages": [HumanMessage("Hello")]}
        )
        assert [m.type for m in model.seen[0]] == ["human"]

    def test_tool_calls_of_an_agent_graph_are_counted(self) -> None:
        found = examine(create_agent(Caller(seen=[]), [look_up]))
        assert (found["mean"], found["tool_calls"]) == (1.0, 1.0)

    @pytest.mark.parametrize(
        "answer",
        [
            r"\boxed{1}",
            AIMessage(r"\boxed{1}"),
            [AIMessage("Well."), AIMessage(r"\boxed{1}")],
            {"messages": [AIMessage(r"\boxed{1}")]},
            {"messages": [("ai", r"\boxed{1}")]},
        ],
        ids=["text", "message", "messages", "state", "pairs"],
    )
    def test_function_may_answer_in_any_form(self, answer: Any) -> None:
        assert examine(RunnableLambda(lambda given: answer))["mean"] == 1.0

    def test_async_function_may_be_the_agent(self) -> None:
        async def answer(given: Any) -> str:
            await asyncio.sleep(0)
            return r"\boxed{1}"

        assert examine(RunnableLambda(answer))["mean"] == 1.0

    def test_without_lessons_only_the_problem_is_given(self) -> None:
        model = Scripted(seen=[])
        evaluate(PROBLEMS[:1], None, agent=model, grader=answered_alone)
        assert [m.text for m in model.seen[0]] == [PROBLEMS[0]["problem"]]

    def test_plain_function_is_given_the_list_of_messages(self) -> None:
        seen: list[Any] = []

        def answer(messages: list[BaseMessage]) -> str:
            seen.extend(messages)
            return r"\boxed{1}"

        build_evaluation_graph(answer, answered_alone).invoke({"problems": PROBLEMS[:1]})
        assert [m.text for m in seen] == [PROBLEMS[0]["problem"]]

    @pytest.mark.parametrize("way", ["parser", "retry", "fallbacks"])
    def test_model_with_something_around_it_is_still_given_a_list(self, way: str) -> None:
        model = Scripted(seen=[])
        around: dict[str, Runnable[Any, Any]] = {
            "parser": model | StrOutputParser(),
            "retry": model.with_retry(),
            "fallbacks": model.with_fallbacks([Scripted(seen=[])]),
        }
        assert examine(around[way])["mean"] == 1.0

    def test_what_is_no_agent_is_refused_when_the_graph_is_built(self) -> None:
        with pytest.raises(TypeError, match="the agent is int, not a runnable"):
            build_training_graph(3)  # type: ignore[arg-type]

    def test_graph_that_takes_no_messages_is_refused_by_what_it_takes(self) -> None:
        class Question(TypedDict):
            question: str

        graph = StateGraph(Question)
        graph.add_node("answer", lambda state: {})
        graph.add_edge(START, "answer")
        with pytest.raises(TypeError, match="takes 'question', but no 'messages'"):
            build_training_graph(graph.compile())

    async def test_works_inside_a_running_loop(self) -> None:
        graph = build_evaluation_graph(Scripted(seen=[]), answered_alone)
        found = await graph.ainvoke({"problems": PROBLEMS}, context=Settings())
        assert found["evaluation"]["mean"] == 1.0


def lessons_seen(model: Scripted) -> set[str]:
    return {m.text for messages in model.seen for m in messages if isinstance(m, SystemMessage)}


class Town(BaseModel):
    town: str


class TestAnswers:
    """What counts as an agent's answer."""

    def graded(self, agent: Runnable[Any, Any]) -> set[str]:
        answers: set[str] = set()

        def note(problem: Any, answer: str) -> bool:
            answers.add(answer)
            return True

        assert examine(agent, note)["mean"] == 1.0
        return answers

    def test_structured_response_is_the_answer(self) -> None:
        call = {"name": "Town", "args": {"town": "Graz"}, "id": "call-1"}
        model = Says(seen=[], message=AIMessage("", tool_calls=[call]))
        agent = create_agent(model, response_format=ToolStrategy(Town))
        assert self.graded(agent) == {'{"town":"Graz"}'}

    def test_what_a_tool_returns_directly_is_the_answer(self) -> None:
        @tool(return_direct=True)
        def say(word: str) -> str:
            """Say a word."""
            return f"{word}!"

        call = {"name": "say", "args": {"word": "Graz"}, "id": "call-1"}
        model = Says(seen=[], message=AIMessage("", tool_calls=[call]))
        assert self.graded(create_agent(model, [say])) == {"Graz!"}

    def test_last_message_is_the_answer_whosever_it_is(self) -> None:
        talk = [AIMessage("I think of Oslo."), HumanMessage("Graz", name="clerk")]
        assert self.graded(RunnableLambda(lambda given: {"messages": talk})) == {"Graz"}

    def test_agent_that_stops_to_ask_a_person_is_missing_with_that_reason(self) -> None:
        def ask(state: Any) -> Any:
            return {"messages": [AIMessage(str(interrupt("may I?")))]}

        graph = StateGraph(AgentState)
        graph.add_node("ask", ask)
        graph.add_edge(START, "ask")
        (said,) = train(graph.compile(checkpointer=InMemorySaver()))["missing"]
        assert said == "it stopped at an interrupt, and nobody answers during training"


class Says(Scripted):
    """Says one thing, and what it cost."""

    message: AIMessage

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(list(messages))
        usage: Any = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        said = self.message.model_copy(update={"id": None, "usage_metadata": usage})
        return ChatResult(generations=[ChatGeneration(message=said)])


class TestUsage:
    """Every model call of an agent counts, whatever becomes of it."""

    def calls(self, agent: Any) -> tuple[int, int]:
        usage = train(agent)["usage"]["rollout"]
        return usage["calls"], usage["input"]

    def test_of_an_agent_that_fails_afterwards(self) -> None:
        def fail(said: AIMessage) -> str:
            raise ConnectionError("the browser is gone")

        model = Says(seen=[], message=AIMessage("1"))
        assert self.calls(model | RunnableLambda(fail)) == (6, 600)

    def test_of_agents_that_an_agent_asks(self) -> None:
        helper: Any = create_agent(Says(seen=[], message=AIMessage("2")))
        model = Says(seen=[], message=AIMessage("1"))

        async def ask_both(messages: list[BaseMessage]) -> AIMessage:
            await helper.ainvoke({"messages": messages})
            return await model.ainvoke(messages)

        assert self.calls(ask_both) == (12, 1200)

    def test_that_no_callback_hears_of_is_read_from_the_messages(self) -> None:
        usage: Any = {"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}
        said = AIMessage("1", usage_metadata=usage)
        assert self.calls(RunnableLambda(lambda given: said)) == (6, 42)


class TestSyncAgents:
    """Sync nodes of an agent run in threads, as many as there are attempts in progress."""

    def test_many_are_at_work_at_once(self) -> None:
        together = threading.Barrier(24, timeout=60)

        def work(messages: list[BaseMessage]) -> str:
            together.wait()
            return r"\boxed{1}"

        settings = SETTINGS.model_copy(update={"group_size": 8})
        assert train(work, settings)["missing"] == {}

    def test_one_that_hangs_is_missing_and_the_others_are_graded(self) -> None:
        over = threading.Event()

        def work(messages: list[BaseMessage]) -> str:
            if messages[-1].text == PROBLEMS[0]["problem"]:
                over.wait(60)
            return r"\boxed{1}"

        settings = SETTINGS.model_copy(update={"group_size": 8, "rollout_timeout": 1.0})
        step = train(work, settings)
        over.set()
        assert (step["missing"], step["mean_reward"]) == ({"no answer within 1 s": 8}, 1.0)


class TestOwnCheckpoints:
    """An agent that was compiled with a saver, as agents that are deployed are."""

    def test_rollouts_of_one_run_are_not_mixed(self) -> None:
        agent = create_agent(Scripted(seen=[]), checkpointer=InMemorySaver())
        assert examine(agent)["mean"] == 1.0

    def test_rollouts_are_not_mixed_under_a_graph_with_checkpoints(self) -> None:
        agent = create_agent(Scripted(seen=[]), checkpointer=InMemorySaver())
        graph = build_training_graph(agent, answered_alone, checkpointer=InMemorySaver())
        thread: Any = {"configurable": {"thread_id": "run"}}
        found = graph.invoke({"problems": PROBLEMS}, thread, context=SETTINGS)
        assert found["metrics"][0]["mean_reward"] == 1.0

    def test_a_second_evaluation_does_not_continue_the_conversations_of_the_first(self) -> None:
        agent = create_agent(Scripted(seen=[]), checkpointer=InMemorySaver())
        examine(agent)
        assert examine(agent)["mean"] == 1.0

    def test_reducers_of_the_agents_state_start_afresh_in_every_rollout(self) -> None:
        class Notes(TypedDict):
            messages: Annotated[list[Any], operator.add]
            notes: Annotated[list[str], operator.add]

        def note(state: Notes) -> Any:
            made = len(state.get("notes", [])) + 1
            return {"messages": [AIMessage(f"\\boxed{{{made}}}")], "notes": ["one"]}

        graph = StateGraph(Notes)
        graph.add_node("note", note)
        graph.add_edge(START, "note")
        graph.add_edge("note", END)
        assert examine(graph.compile(checkpointer=InMemorySaver()))["mean"] == 1.0


class TestLostRollouts:
    def test_agent_that_raises_makes_its_rollouts_missing_with_the_reason(self) -> None:
        def fail(given: Any) -> str:
            raise ConnectionError("the browser is gone")

        step = train(RunnableLambda(fail))
        said = "the agent failed: ConnectionError: the browser is gone"
        assert step["missing"] == {said: 6}
        assert step["mean_reward"] is None

    def test_run_of_an_agent_that_never_answers_is_stopped(self) -> None:
        calls: list[str] = []

        def fail(messages: list[BaseMessage]) -> str:
            calls.append(messages[-1].text)
            raise KeyError("customer")

        settings = SETTINGS.model_copy(update={"group_size": 100, "concurrency": 1})
        with pytest.raises(Refused, match=r"first rollouts were all lost: .*'customer'"):
            train(fail, settings)
        assert 20 <= len(calls) < 300

    def test_own_limit_on_supersteps_holds(self) -> None:
        graph = StateGraph(AgentState)
        graph.add_node("turn", lambda state: {"messages": [AIMessage("again")]})
        graph.add_edge(START, "turn")
        graph.add_edge("turn", "turn")
        (said,) = train(graph.compile().with_config(recursion_limit=7))["missing"]
        assert "Recursion limit of 7 reached" in said

    def test_rollouts_that_remain_are_graded(self) -> None:
        def answer(given: Any) -> str:
            if given["messages"][-1].text == PROBLEMS[0]["problem"]:
                raise ConnectionError("the browser is gone")
            return r"\boxed{1}"

        step = train(RunnableLambda(answer))
        assert (sum(step["missing"].values()), step["mean_reward"]) == (2, 1.0)

    @pytest.mark.parametrize("answer", ["", "  ", []], ids=["empty", "blank", "no messages"])
    def test_agent_that_says_nothing_is_missing(self, answer: Any) -> None:
        step = train(RunnableLambda(lambda given: answer))
        assert step["missing"] == {"the agent ended without an answer": 6}

    def test_agent_that_answers_with_something_else_is_missing(self) -> None:
        (said,) = train(RunnableLambda(lambda given: 3))["missing"]
        assert "it answered with int, not messages" in said
        (said,) = train(RunnableLambda(lambda given: {"output": "1"}))["missing"]
        assert "it answered with dict with 'output', not messages" in said

    def test_rollout_that_takes_too_long_is_missing(self) -> None:
        async def sleep(given: Any) -> str:
            await asyncio.sleep(3600)
            return r"\boxed{1}"

        step = train(RunnableLambda(sleep), SETTINGS.model_copy(update={"rollout_timeout": 0.05}))
        assert step["missing"] == {"no answer within 0.05 s": 6}

    def test_the_agents_own_time_out_is_reported_as_the_agents(self) -> None:
        def give_up(given: Any) -> str:
            raise TimeoutError("the shop did not answer")

        step = train(RunnableLambda(give_up))
        assert step["missing"] == {"the agent failed: TimeoutError: the shop did not answer": 6}

    def test_missing_rollouts_are_never_zero_in_an_evaluation(self) -> None:
        def fail(given: Any) -> str:
            raise ConnectionError

        found = examine(RunnableLambda(fail))
        assert found["mean"] is None
        assert sum(found["missing"].values()) == 6


def test_half_a_character_from_a_model_is_kept_in_a_form_that_can_be_written(
    tmp_path: Path,
) -> None:
    agent: Runnable[Any, Any] = RunnableLambda(lambda state: "half a smile: \ud83d")
    archive = RunArchive(tmp_path / "run")
    graph = build_training_graph(agent, lambda problem, answer: 1.0, archive=archive)
    graph.invoke({"problems": PROBLEMS[:1]}, context=SETTINGS)
    line = json.loads((tmp_path / "run/rollouts/step-0001.jsonl").read_text().splitlines()[0])
    assert line["answer"] == "half a smile: ?"


class TestLearning:
    def test_lessons_are_learned_from_the_users_agent(self) -> None:
        def attempt(given: Any) -> str:
            # Right on every other attempt, by the approaches' own words.
            attempt.calls += 1  # type: ignore[attr-defined]
            sound = attempt.calls % 2  # type: ignore[attr-defined]
            does, value = ("divide and add one", 1) if sound else ("take the gaps", 2)
            return f"This is a fence-post problem. I will {does}.\nSo \\boxed{{{value}}}."

        attempt.calls = 0  # type: ignore[attr-defined]
        graph = build_training_graph(RunnableLambda(attempt), answered_alone)
        found = graph.invoke({"problems": PROBLEMS[:1]}, context=Settings(epochs=1, group_size=4))
        assert found["metrics"][0]["groups_with_contrast"] == 1
        assert found["metrics"][0]["usage"]["summarize"]["calls"] == 4
