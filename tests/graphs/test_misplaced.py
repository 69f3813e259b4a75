"""Settings where nobody reads them are warned of."""

import warnings
from typing import Any

import pytest

from training_free_grpo import Settings, build_evaluation_graph

GRAPH = build_evaluation_graph(lambda messages: "42", lambda problem, answer: 1.0)
GIVEN = {"problems": [{"problem": "6 times 7?", "answer": "42"}]}


def run(configurable: dict[str, Any]) -> None:
    GRAPH.invoke(GIVEN, {"configurable": configurable}, context=Settings(attempts=2))


def test_a_setting_under_configurable_is_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"holds attempts=5, .* context=Settings\(attempts=5\)"):
        run({"attempts": 5})


def test_a_server_that_repeats_the_context_there_is_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run({"attempts": 2, "thread_id": "a", "user": "bob"})
