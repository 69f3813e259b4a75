"""What the graphs tell while they run: typed events that add up to the figures."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from tests.standin import StandIn
from training_free_grpo import Settings, build_evaluation_graph, build_training_graph
from training_free_grpo.graders import load_grader
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.records import Event, Ledger

ROWS = [{"id": f"p{n}", "problem": f"{n} + {n}?", "answer": str(2 * n)} for n in range(4)]
ANSWERS = {str(row["problem"]): str(row["answer"]) for row in ROWS}
FIELDS = {get_args(kind.__annotations__["event"])[0]: kind for kind in get_args(Event)}
"""The type of each event by its name."""


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(ANSWERS, right=lambda problem, n: n == 0) as server:
        yield server


def settings(server: StandIn, **options: Any) -> Settings:
    sizes = {"epochs": 1, "batch_size": 2, "group_size": 2, "attempts": 2, "tools": "none"}
    return Settings(**{"model": "openai:x", "base_url": server.url} | sizes | options)


def listen(graph: Any, chosen: Settings) -> list[Any]:
    given = {"problems": ROWS}
    stream = graph.stream(given, context=chosen, stream_mode="custom", subgraphs=True)
    return [event for _, event in stream]


@pytest.fixture(scope="module")
def told(server: StandIn) -> list[Any]:
    return listen(build_training_graph(grader=load_grader("judge")), settings(server))


def test_every_event_of_a_training_has_the_fields_of_its_type(told: list[Any]) -> None:
    assert {event["event"] for event in told} == FIELDS.keys() - {"evaluation"}
    assert all(event.keys() == FIELDS[event["event"]].__annotations__.keys() for event in told)


def test_events_are_plain_json(told: list[Any]) -> None:
    assert json.loads(json.dumps(told)) == told


def test_each_step_is_reported_from_its_batch_to_its_figures(told: list[Any]) -> None:
    for number in (1, 2):
        step = [event for event in told if event["step"] == number]
        assert [step[0]["event"], step[-2]["event"], step[-1]["event"]] == ["batch", "plan", "step"]
        kinds = Counter(event["event"] for event in step)
        assert (kinds["rollout"], kinds["grade"], kinds["group"]) == (4, 2, 2)
        assert step[0]["rollouts"] == kinds["rollout"]


def test_usage_of_the_events_adds_up_to_that_of_their_step(told: list[Any]) -> None:
    for step in (event for event in told if event["event"] == "step"):
        spent: Ledger = {}
        for event in told:
            if event["step"] == step["step"]:
                spent = add_ledgers(spent, event.get("usage", {}))
        assert spent == step["metrics"]["usage"]
        assert spent.keys() > {"rollout", "judge", "edit_experiences"}


def test_a_lost_summary_is_reported_with_its_reason(server: StandIn) -> None:
    server.faults = lambda call: "empty" if call.role == "summarize" else None
    try:
        told = listen(build_training_graph(), settings(server, max_retries=0))
    finally:
        server.faults = None
    lost = [event["lost"] for event in told if event["event"] == "summary"]
    assert lost
    assert all(lost)
    assert any(event["failure"] for event in told if event["event"] == "comparison")


def test_an_evaluation_is_reported_with_its_figures(server: StandIn) -> None:
    told = listen(build_evaluation_graph(), settings(server))
    assert told[-1]["event"] == "evaluation"
    assert told[-1]["evaluation"]["mean"] == told[-1]["mean"]
    assert Counter(event["event"] for event in told)["rollout"] == 8
