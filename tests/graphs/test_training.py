"""The training graph on the embedded model: run, watched, gone back into, gone on with."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import StateSnapshot

from training_free_grpo import Settings, build_training_graph
from training_free_grpo.datasets import DatasetError
from training_free_grpo.graphs.state import TrainingOutput
from training_free_grpo.library import LibraryError, active_experiences, read_library
from training_free_grpo.settings import SettingsError
from training_free_grpo.simulated import SimulatedModel, training_problems
from training_free_grpo.storage.checkpoints import DualSqliteSaver

PROBLEMS = training_problems()[:6]
SETTINGS = Settings(epochs=1, batch_size=3, group_size=4)
GIVEN: dict[str, Any] = {"problems": PROBLEMS}
THREAD: RunnableConfig = {"configurable": {"thread_id": "run"}}
NODES = {"draw_batch", "rollout", "grade", "summarize", "extract_advantage", "edit_experiences"}

SAVERS = ("none", "memory", "sqlite")
WAYS = ("invoke", "ainvoke", "stream", "astream")


@pytest.fixture(params=SAVERS)
def saver(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[BaseCheckpointSaver[Any] | None]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield stack.enter_context(DualSqliteSaver.open(tmp_path / "checkpoints.sqlite"))
        else:
            yield InMemorySaver() if request.param == "memory" else None


@pytest.fixture(scope="module")
def expected() -> Any:
    """What any way of running it must come to."""
    return build_training_graph().invoke(GIVEN, context=SETTINGS)


def timeless(state: Any) -> Any:
    """Return the output in a state, without how long its rollouts took.

    `stream_mode="values"` gives the whole state, `invoke` what leaves the graph.
    """
    steps = [{**step, "seconds": None} for step in state["metrics"]]
    return {**{name: state[name] for name in TrainingOutput.__annotations__}, "metrics": steps}


def train(graph: Any, way: str, **options: Any) -> Any:
    """Run the graph from a script, in one of the four ways; return its final state."""
    options = {"config": THREAD, "context": SETTINGS, **options}
    if way == "invoke":
        return graph.invoke(GIVEN, **options)
    if way == "stream":
        return list(graph.stream(GIVEN, stream_mode="values", **options))[-1]
    return asyncio.run(train_async(graph, way, **options))


async def train_async(graph: Any, way: str, **options: Any) -> Any:
    """Run the graph inside an event loop; `invoke` and `stream` then hold up that loop."""
    options = {"config": THREAD, "context": SETTINGS, **options}
    if way == "ainvoke":
        return await graph.ainvoke(GIVEN, **options)
    if way == "astream":
        return [s async for s in graph.astream(GIVEN, stream_mode="values", **options)][-1]
    return train(graph, way, **options)


class Taught:
    """A trained graph with its checkpoints."""

    def __init__(self) -> None:
        self.graph = build_training_graph(checkpointer=InMemorySaver())
        self.result = self.graph.invoke(GIVEN, THREAD, context=SETTINGS)
        self.history = list(self.graph.get_state_history(THREAD))

    def before(self, node: str, step: int) -> StateSnapshot:
        """Return the checkpoint from which this node ran next, after so many steps."""
        found = (s for s in self.history if s.next == (node,) and s.values.get("step") == step)
        return next(found)


@pytest.fixture(scope="module")
def taught() -> Taught:
    return Taught()


class TestWaysOfRunning:
    @pytest.mark.parametrize("way", WAYS)
    def test_learns_the_same_library_from_a_script(
        self, way: str, saver: BaseCheckpointSaver[Any] | None, expected: Any
    ) -> None:
        found = train(build_training_graph(checkpointer=saver), way)
        assert timeless(found) == timeless(expected)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("saver", ["none", "sqlite"], indirect=True)
    def test_learns_the_same_library_in_a_worker_thread(
        self, way: str, saver: BaseCheckpointSaver[Any] | None, expected: Any
    ) -> None:
        graph = build_training_graph(checkpointer=saver)
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(train, graph, way).result()
        assert found["library"] == expected["library"]

    @pytest.mark.parametrize("way", WAYS)
    async def test_learns_the_same_library_inside_a_running_loop(
        self, way: str, saver: BaseCheckpointSaver[Any] | None, expected: Any
    ) -> None:
        found = await train_async(build_training_graph(checkpointer=saver), way)
        assert found["library"] == expected["library"]

    async def test_two_runs_at_once_learn_what_each_learns_alone(self, expected: Any) -> None:
        graph = build_training_graph()
        other = {"context": SETTINGS.model_copy(update={"seed": 7})}
        alone = await train_async(graph, "ainvoke", **other)
        both = await asyncio.gather(
            train_async(graph, "ainvoke"), train_async(graph, "ainvoke", **other)
        )
        assert [r["library"] for r in both] == [expected["library"], alone["library"]]

    def test_another_seed_is_another_run(self, expected: Any) -> None:
        found = train(build_training_graph(), "invoke", context={**SETTINGS.changed(), "seed": 7})
        assert found["library"] != expected["library"]


class TestResult:
    def test_holds_plain_json_only(self, expected: Any) -> None:
        assert json.loads(json.dumps(expected)) == expected

    def test_has_a_line_of_metrics_per_step(self, expected: Any) -> None:
        assert [m["step"] for m in expected["metrics"]] == [1, 2]

    def test_library_holds_lessons_with_their_evidence(self, expected: Any) -> None:
        ids = {p["id"] for p in PROBLEMS}
        lessons = active_experiences(expected["library"])
        assert lessons
        assert all(ids.issuperset(e["created"]["problems"]) for e in lessons)

    def test_epochs_take_every_problem_again(self) -> None:
        settings = Settings(epochs=2, batch_size=3, group_size=2)
        found = build_training_graph().invoke({"problems": PROBLEMS[:4]}, context=settings)
        assert [(m["epoch"], m["problems"]) for m in found["metrics"]] == [
            (1, 3),
            (1, 1),
            (2, 3),
            (2, 1),
        ]

    def test_run_without_contrast_says_so_in_the_metrics(self) -> None:
        graph = build_training_graph(grader=lambda problem, answer: True)
        step = graph.invoke(GIVEN, context=SETTINGS.model_copy(update={"batch_size": 6}))[
            "metrics"
        ][0]
        assert step["groups_with_contrast"] == 0
        assert step["groups_all_right"] == 6
        assert step["applied"] == {}
        assert set(step["usage"]) == {"rollout"}


class TestWatching:
    def test_updates_name_the_nodes_of_the_method(self) -> None:
        graph = build_training_graph()
        events = list(graph.stream(GIVEN, context=SETTINGS, stream_mode="updates", subgraphs=True))
        assert {name for _, event in events for name in event} >= NODES

    async def test_events_are_streamed_from_a_run_that_learns_the_same(self, expected: Any) -> None:
        stream = build_training_graph().astream_events(GIVEN, context=SETTINGS, version="v2")
        ended = [e async for e in stream if e["event"] == "on_chain_end"]
        assert {event["name"] for event in ended} >= NODES
        assert ended[-1]["data"]["output"]["library"] == expected["library"]

    async def test_updates_of_astream_name_the_same_nodes(self) -> None:
        graph = build_training_graph()
        events = graph.astream(GIVEN, context=SETTINGS, stream_mode="updates", subgraphs=True)
        assert {name async for _, event in events for name in event} >= NODES

    def test_drawing_shows_the_group_and_the_agent_of_its_rollouts(self) -> None:
        drawn = build_training_graph().get_graph(xray=True).draw_mermaid()
        assert "subgraph group" in drawn
        assert "subgraph rollout" in drawn
        assert "call_model(call_model)" in drawn

    def test_drawing_shows_an_agent_of_the_users_own(self) -> None:
        agent = create_agent(SimulatedModel(), name="mine")
        drawn = build_training_graph(agent).get_graph(xray=True).draw_mermaid()
        assert "rollout\\3amodel" in drawn
        assert "call_model" not in drawn

    def test_agent_that_is_no_graph_is_drawn_as_one_node(self) -> None:
        drawn = build_training_graph(SimulatedModel()).get_graph(xray=True).draw_mermaid()
        assert "rollout(rollout)" in drawn


class TestHistory:
    def test_library_grows_step_by_step(self, taught: Taught) -> None:
        sizes = {
            s.values["step"]: len(s.values["library"]["experiences"])
            for s in reversed(taught.history)
            if "library" in s.values
        }
        assert sizes[0] == 0 <= sizes[1] <= sizes[2]
        assert sizes[2]

    def test_final_state_is_the_result(self, taught: Taught) -> None:
        state = taught.graph.get_state(THREAD).values
        assert {name: state[name] for name in taught.result} == taught.result

    def test_going_on_from_an_earlier_step_learns_the_same_again(self, taught: Taught) -> None:
        found = taught.graph.invoke(None, taught.before("draw_batch", 1).config)
        assert found["library"] == taught.result["library"]

    def test_an_earlier_step_can_be_given_another_library(self) -> None:
        mine = Taught()
        lesson = {"G0": "Round table: divide by the seats."}
        changed = mine.graph.update_state(
            mine.before("draw_batch", 1).config, {"library": read_library(lesson)}
        )
        found = mine.graph.invoke(None, changed)
        assert mine.graph.get_state(THREAD).values["step"] == 2
        assert found["library"]["experiences"]["G0"]["content"] == lesson["G0"]

    @pytest.mark.parametrize("saver", ["memory", "sqlite"], indirect=True)
    def test_resuming_without_context_keeps_the_settings_of_the_start(
        self, saver: BaseCheckpointSaver[Any], expected: Any
    ) -> None:
        graph = build_training_graph(checkpointer=saver)
        graph.invoke(GIVEN, THREAD, context=SETTINGS, interrupt_before=["edit_experiences"])
        assert graph.get_state(THREAD).next == ("edit_experiences",)
        assert timeless(graph.invoke(None, THREAD)) == timeless(expected)


class TestThreadWithAnotherRun:
    """A new input on a thread whose run is not over is a run of its own."""

    @pytest.mark.parametrize("node", ["group", "plan_edits", "edit_experiences"])
    def test_that_was_broken_off_learns_what_a_fresh_one_learns(
        self, node: str, expected: Any
    ) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        graph.invoke(GIVEN, THREAD, context=SETTINGS, interrupt_before=[node])
        assert graph.get_state(THREAD).next
        found = graph.invoke({**GIVEN, "library": {}}, THREAD, context=SETTINGS)
        assert timeless(found) == timeless(expected)

    def test_takes_other_problems_than_the_one_before(self) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        graph.invoke(GIVEN, THREAD, context=SETTINGS, interrupt_before=["plan_edits"])
        others = {"problems": training_problems()[6:9]}
        found = graph.invoke(others, THREAD, context=SETTINGS)
        assert [(step["step"], step["problems"]) for step in found["metrics"]] == [(1, 3)]

    def test_starts_from_its_library_and_counts_its_own_steps(self) -> None:
        mine = Taught()
        others = {"problems": training_problems()[6:12]}
        found = mine.graph.invoke(others, THREAD, context=SETTINGS)
        assert [step["step"] for step in found["metrics"]] == [1, 2]
        learned = mine.result["library"]["experiences"].keys()
        assert found["library"]["experiences"].keys() >= learned


class TestEditedState:
    """What a person may do to the state between two steps, in Studio."""

    @pytest.mark.parametrize(
        ("library", "said"),
        [
            ({"G0": 7}, "lesson 'G0' is 7"),
            ({"format": 1, "next_id": 0, "experiences": {"G0": {"content": " "}}}, "G0 has no"),
            ({"format": 1, "next_id": 0, "experiences": {"G0": {"content": None}}}, "damaged"),
            (None, "not NoneType"),
        ],
    )
    def test_damaged_library_is_refused_by_name(self, library: Any, said: str) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        graph.invoke(GIVEN, THREAD, context=SETTINGS, interrupt_after=["edit_experiences"])
        graph.update_state(THREAD, {"library": library})
        with pytest.raises(LibraryError, match=said):
            graph.invoke(None, THREAD)

    def test_lesson_that_was_added_by_hand_keeps_its_id(self) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        graph.invoke(GIVEN, THREAD, context=SETTINGS, interrupt_after=["edit_experiences"])
        own = {"id": "G9", "content": "Mine: look\ntwice."}
        edited = {"format": 1, "next_id": 0, "experiences": {"G9": own}}
        graph.update_state(THREAD, {"library": edited})
        found = graph.invoke(None, THREAD)["library"]
        assert found["experiences"]["G9"]["content"] == "Mine: look twice."
        assert found["next_id"] >= 10

    def test_state_that_is_saved_as_a_whole_holds_nothing_twice(self) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        found = graph.invoke(GIVEN, THREAD, context=SETTINGS)
        graph.update_state(THREAD, found)
        assert graph.get_state(THREAD).values["metrics"] == found["metrics"]

    def test_going_on_with_other_settings_is_refused_with_the_difference(self) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        graph.invoke(GIVEN, THREAD, context=SETTINGS, interrupt_after=["edit_experiences"])
        other = SETTINGS.model_copy(update={"group_size": 2})
        with pytest.raises(SettingsError, match="group_size: 4 before, 2 now"):
            graph.invoke(None, THREAD, context=other)
        graph.update_state(THREAD, {"settings": other.changed()})
        assert graph.invoke(None, THREAD, context=other)["metrics"][1]["rollouts"] == 6


class TestStartingLibrary:
    def test_starts_from_a_library_of_our_form(self, expected: Any) -> None:
        graph = build_training_graph()
        found = graph.invoke({**GIVEN, "library": expected["library"]}, context=SETTINGS)
        assert found["library"]["experiences"].keys() >= expected["library"]["experiences"].keys()

    def test_starts_from_a_library_of_the_reference(self) -> None:
        graph, lesson = build_training_graph(), "Fences: count the posts, not the gaps."
        given = {"problems": training_problems()[:14], "library": {"G0": lesson}}
        found = graph.invoke(given, context=SETTINGS)
        assert found["library"]["experiences"]["G0"]["content"] == lesson
        assert found["library"]["next_id"] > 1

    def test_shows_the_given_lessons_to_the_first_rollouts(self) -> None:
        seen: list[str] = []

        def note(given: Any) -> AIMessage:
            seen.append(given["messages"][0].text)
            return AIMessage(r"\boxed{1}")

        graph = build_training_graph(RunnableLambda(note))
        given = {"problems": PROBLEMS[:1], "library": {"G0": "Count the posts."}}
        graph.invoke(given, context=Settings(epochs=1, group_size=2))
        assert all("[G0] Count the posts." in text for text in seen)
        assert len(seen) == 2


class TestSettings:
    @pytest.mark.parametrize("context", [SETTINGS, SETTINGS.changed()], ids=["model", "dict"])
    def test_settings_may_be_a_model_or_a_dict(self, context: Any, expected: Any) -> None:
        found = build_training_graph().invoke(GIVEN, context=context)
        assert timeless(found) == timeless(expected)

    def test_without_settings_the_defaults_hold(self) -> None:
        graph = build_training_graph(checkpointer=InMemorySaver())
        graph.invoke({"problems": PROBLEMS[:1]}, THREAD)
        found = graph.get_state(THREAD).values
        assert (found["steps"], found["settings"]) == (3, {})

    @pytest.mark.parametrize("context", [{"group_sise": 3}, {"group_size": 0}])
    def test_wrong_settings_are_refused_by_name(self, context: Any) -> None:
        with pytest.raises(ValueError, match="group_si"):
            build_training_graph().invoke(GIVEN, context=context)


class Counting:
    """An agent that counts how often it is called."""

    def __init__(self) -> None:
        self.calls = 0
        self.runnable = RunnableLambda(self.answer)

    def answer(self, given: Any) -> AIMessage:
        self.calls += 1
        return AIMessage("1")


class TestBadInput:
    @pytest.mark.parametrize(
        ("problems", "said"),
        [
            ([PROBLEMS[0], {"nope": 1}], "row 2: .*'problem'.*nope"),
            ([PROBLEMS[0], {"problem": "a", "answer": {"x": 1}}], "row 2: 'answer'"),
            ([PROBLEMS[0], "text"], "row 2: it is str"),
            ([{"id": 1, "problem": "a"}, {"id": 1, "problem": "b"}], "row 2: id '1'"),
            ([], "no problems"),
            ("What is 1 + 1?", "problems is str, not a list"),
            ({"problem": "a"}, "problems is one object with problem, not a list"),
        ],
    )
    def test_bad_problems_are_named_before_any_model_call(self, problems: Any, said: str) -> None:
        agent = Counting()
        with pytest.raises(DatasetError, match=said):
            build_training_graph(agent.runnable).invoke({"problems": problems}, context=SETTINGS)
        assert agent.calls == 0

    def test_damaged_library_is_refused_before_any_model_call(self) -> None:
        agent = Counting()
        with pytest.raises(ValueError, match="lesson 'G0' is 3"):
            build_training_graph(agent.runnable).invoke(
                {**GIVEN, "library": {"G0": 3}}, context=SETTINGS
            )
        assert agent.calls == 0


@pytest.mark.long
def test_a_batch_of_more_than_five_hundred_comes_in_waves_and_is_planned_once() -> None:
    problems = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(501)]
    settings = Settings(epochs=1, batch_size=501, directly_generated=True)
    graph = build_training_graph()
    nodes: list[str] = []
    for update in graph.stream({"problems": problems}, context=settings, stream_mode="updates"):
        nodes += update
    assert [name for name in nodes if name != "group"] == [
        *("prepare", "draw_batch", "plan_edits", "plan_edits", "edit_experiences")
    ]
    assert nodes.index("plan_edits") == len(("prepare", "draw_batch")) + 500
    assert update["edit_experiences"]["metrics"][0]["problems"] == 501
