from typing import Any

import pytest
from langchain_core.messages import AIMessage

from training_free_grpo.settings import Settings
from training_free_grpo.spending.forecast import Forecast, describe_forecast
from training_free_grpo.spending.forecast_traces import forecast_traces
from training_free_grpo.traces import Trace, Traces


def recorded(*groups: list[Any], words: int = 10) -> Traces:
    """Make a problem of each group of grades."""
    said = [AIMessage("word " * words)]
    return Traces(
        [{"id": str(n), "problem": "How many?", "answers": ["1"]} for n in range(len(groups))],
        {str(n): [Trace(said, grade) for grade in group] for n, group in enumerate(groups)},
    )


def forecast(traces: Traces, judged: bool = False, **options: Any) -> Forecast:
    settings = Settings(epochs=1, batch_size=2, model="openai:gpt-5-mini", **options)
    return forecast_traces(settings, traces, judged)


def calls(found: Forecast) -> dict[str, int]:
    return {role: usage["calls"] for role, usage in found["roles"].items()}


def test_no_rollout_is_forecast_and_groups_without_contrast_cost_nothing() -> None:
    found = forecast(recorded([1.0, 0.0], [1.0, 1.0], [0, 0], [{"reward": 0.5}, {"reward": 1}]))
    assert found["rollouts"] == 0
    assert calls(found) == {"summarize": 4, "extract_advantage": 2, "edit_experiences": 2}
    assert "2 of 4 groups have contrast" in describe_forecast(found)


def test_groups_that_are_yet_to_be_graded_are_assumed_about_and_said_so() -> None:
    found = forecast(recorded([1.0, 0.0], [None, 1.0], [None, None]))
    assert calls(found)["extract_advantage"] == 2
    assert "1 of 1 groups have contrast, 50% of the 2 yet to be graded" in found["basis"]


@pytest.mark.parametrize("options", [{"group_size": 1}, {"ground_truth": "withheld"}])
def test_every_group_is_reflected_on_where_rewards_do_not_choose(options: Any) -> None:
    found = forecast(recorded([None], [1.0], [0.0]), **options)
    assert calls(found) == {"summarize": 3, "extract_advantage": 3, "edit_experiences": 2}
    assert "contrast" not in found["basis"]


def test_a_judge_is_asked_for_what_has_no_reward() -> None:
    traces = recorded([1.0, None], [None, None])
    assert calls(forecast(traces, judged=True))["judge"] == 3
    assert "judge" not in calls(forecast(traces))
    assert "judge" not in calls(forecast(recorded([1.0, 0.0]), judged=True))


def test_long_attempts_are_read_up_to_the_limit_of_a_summary() -> None:
    short, long, longer = (
        forecast(recorded([1, 0], words=n), trajectory_tokens=4_000)["input"]
        for n in (10, 100_000, 200_000)
    )
    assert short + 7_000 < long == longer
