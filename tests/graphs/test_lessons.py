"""Of a large library, a rollout is shown the lessons that fit its problem, and notes which."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda

from tests.standin import StandIn
from training_free_grpo import Models, Settings, build_evaluation_graph, build_training_graph
from training_free_grpo.library import read_library, render_library
from training_free_grpo.library.prompt import experience_block
from training_free_grpo.runs.archive import RunArchive

LIBRARY = read_library(
    {
        "G0": "Fences: count the posts at both ends.",
        "G1": "Tables: divide by the seats.",
        "G2": "Percent: multiply the growth factors.",
    }
)
PROBLEMS = [
    {"id": "fence", "problem": "How many posts has the fence?", "answer": "7"},
    {"id": "table", "problem": "How many ways to take the seats?", "answer": "8"},
]


def lines(folder: Path) -> list[Any]:
    files = sorted((folder / "rollouts").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines() if line]


def attempt(seen: list[Any], **options: Any) -> Any:
    """Evaluate an agent that notes what it is given."""

    def answer(given: Any) -> AIMessage:
        seen.append([(type(m), m.text) for m in given["messages"]])
        return AIMessage("\\boxed{7}")

    models = options.pop("models", None)
    graph = build_evaluation_graph(RunnableLambda(answer), models=models)
    given = {"problems": PROBLEMS, "library": LIBRARY}
    return graph.invoke(given, context=Settings(attempts=2, **options))


def test_own_agent_is_given_the_lessons_that_fit_its_problem() -> None:
    seen: list[Any] = []
    attempt(seen, top_k=1)
    fence = experience_block("[G0] Fences: count the posts at both ends.")
    table = experience_block("[G1] Tables: divide by the seats.")
    assert sorted({given[0][1] for given in seen}) == sorted([fence, table])
    assert {(kind, text) for given in seen for kind, text in given[1:]} == {
        (HumanMessage, problem["problem"]) for problem in PROBLEMS
    }


def test_without_top_k_every_lesson_is_shown() -> None:
    seen: list[Any] = []
    attempt(seen)
    assert {given[0] for given in seen} == {
        (SystemMessage, experience_block(render_library(LIBRARY)))
    }


def test_embeddings_given_with_the_models_choose_too() -> None:
    seen: list[Any] = []
    models = Models(embeddings=DeterministicFakeEmbedding(size=8))
    attempt(seen, top_k=2, models=models)
    assert {given[0][1].count("[G") for given in seen} == {2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Train for a step with the two lessons that fit best, on a real server."""
    folder = tmp_path_factory.mktemp("run")
    with StandIn({p["problem"]: p["answer"] for p in PROBLEMS}) as server:
        server.right = lambda problem, n: n % 2 == 0
        settings = Settings(
            model="openai:x",
            base_url=server.url,
            top_k=2,
            epochs=1,
            group_size=2,
            tools="none",
        )
        graph = build_training_graph(archive=RunArchive(folder))
        graph.invoke({"problems": PROBLEMS, "library": LIBRARY}, context=settings)
        return server.calls, lines(folder)


def test_prompt_ends_with_the_chosen_lessons(trained: Any) -> None:
    systems = {call.problem: call.system for call in trained[0] if call.role == "rollout"}
    shown = "[G0] Fences: count the posts at both ends.\n[G1] Tables: divide by the seats."
    assert all(system.endswith(shown) for system in systems.values())


def test_every_attempt_of_a_group_has_the_same_prompt(trained: Any) -> None:
    prompts = {(c.problem, c.system) for c in trained[0] if c.role == "rollout"}
    assert len(prompts) == len(PROBLEMS)


def test_line_of_a_rollout_names_the_lessons_it_was_shown(trained: Any) -> None:
    assert {tuple(line["lessons"]) for line in trained[1]} == {("G0", "G1")}


def test_reflection_reads_the_whole_library(trained: Any) -> None:
    asked = [c for c in trained[0] if c.role in ("extract_advantage", "edit_experiences")]
    assert len(asked) == 3
    assert all(render_library(LIBRARY) in c.messages[1]["content"] for c in asked)


def test_line_of_a_rollout_names_all_lessons_where_all_are_shown(tmp_path: Path) -> None:
    graph = build_evaluation_graph(
        RunnableLambda(lambda given: AIMessage("\\boxed{7}")), archive=RunArchive(tmp_path)
    )
    graph.invoke({"problems": PROBLEMS, "library": LIBRARY}, context=Settings())
    assert {tuple(line["lessons"]) for line in lines(tmp_path)} == {("G0", "G1", "G2")}
