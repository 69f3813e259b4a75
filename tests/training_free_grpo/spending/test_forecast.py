from typing import Any

import pytest

from training_free_grpo.ledger import no_usage
from training_free_grpo.library import parse_lessons
from training_free_grpo.metrics import measure_step
from training_free_grpo.records import Metrics, Problem
from training_free_grpo.rollouts.user_agent import UserAgent
from training_free_grpo.settings import Settings
from training_free_grpo.spending.forecast import (
    CALLS,
    CONTRAST,
    LESSON,
    Forecast,
    add_forecasts,
    describe_forecast,
    forecast_evaluation,
    forecast_training,
)

PROBLEMS: list[Problem] = [
    {"id": str(n), "problem": "How many? " * 20, "answers": ["1"]} for n in range(10)
]
LESSONS = "\n".join(f"[G{n}] A rule: when there is something to do, do it." for n in range(40))


def settings(**options: Any) -> Settings:
    sizes = {"epochs": 2, "batch_size": 5, "group_size": 4, "model": "openai:gpt-5-mini"}
    return Settings(**{**sizes, **options})


def train(**options: Any) -> Forecast:
    return forecast_training(settings(**options), PROBLEMS, judged=False)


def step(number: int, lessons: int, **calls: int) -> Metrics:
    """Make the figures of a step of 5 problems in which every call took 100 + 10 tokens."""
    usage: Any = {
        role: no_usage() | {"calls": n, "input": 100 * n, "cached": 50 * n, "output": 10 * n}
        for role, n in calls.items()
    }
    library = parse_lessons("\n".join(LESSONS.splitlines()[:lessons]))
    found = measure_step(
        {"groups": [], "step": number, "epoch": 1}, library, [], [], usage, None, {}
    )
    return {**found, "problems": 5, "rollouts": 20, "seconds": 6.0}


def test_a_forecast_counts_rollouts_and_the_calls_of_every_role() -> None:
    found = train()
    assert found["rollouts"] == 2 * 10 * 4
    calls = {role: usage["calls"] for role, usage in found["roles"].items()}
    compared = 2 * 10 * CONTRAST
    assert calls == {
        "rollout": 80 * CALLS,
        "summarize": compared * 4,
        "extract_advantage": compared,
        "edit_experiences": 4,
    }
    assert found["calls"] == sum(calls.values())


def test_without_tools_a_rollout_is_one_call() -> None:
    assert train(tools="none")["roles"]["rollout"]["calls"] == 80


def test_a_turn_limit_holds_in_a_forecast() -> None:
    assert train(max_turns=1)["roles"]["rollout"]["calls"] == 160


def test_lessons_from_the_problems_alone_need_no_rollouts() -> None:
    found = train(directly_generated=True)
    assert found["rollouts"] == 0
    assert set(found["roles"]) == {"extract_advantage", "edit_experiences"}
    assert found["roles"]["extract_advantage"]["calls"] == 20


@pytest.mark.parametrize("options", [{"group_size": 1}, {"ground_truth": "withheld"}])
def test_where_contrast_is_not_asked_for_every_group_is_compared(options: dict[str, Any]) -> None:
    assert train(**options)["roles"]["extract_advantage"]["calls"] == 20


def test_a_judge_is_asked_once_for_each_rollout() -> None:
    found = forecast_training(settings(), PROBLEMS, judged=True)
    assert found["roles"]["judge"]["calls"] == found["rollouts"]


def test_more_tools_longer_problems_and_a_library_make_longer_prompts() -> None:
    longer: list[Problem] = [{**p, "problem": p["problem"] * 9} for p in PROBLEMS]
    least = forecast_training(settings(tools="python"), PROBLEMS, False)["input"]
    assert forecast_training(settings(), PROBLEMS, False)["input"] > least
    assert forecast_training(settings(tools="python"), longer, False)["input"] > least
    library = parse_lessons(LESSONS)
    known = forecast_training(settings(tools="python"), PROBLEMS, False, library=library)
    assert known["input"] > least


def test_a_known_price_makes_a_cost_and_an_unknown_one_none() -> None:
    assert (train()["cost"] or 0) > 0
    assert train(model="openai:no-such-model")["cost"] is None
    assert train(model="simulated")["cost"] == 0
    found = forecast_training(settings(), PROBLEMS, False, attempter=UserAgent(str))
    assert found["cost"] is None


def test_more_calls_at_once_take_less_time() -> None:
    assert train(concurrency=4)["minutes"] > 3 * train(concurrency=40)["minutes"] > 0


def test_after_a_step_what_is_left_is_forecast_from_what_the_step_took() -> None:
    done = [step(1, 0, rollout=50, summarize=8, extract_advantage=2, edit_experiences=1)]
    found = forecast_training(settings(), PROBLEMS, False, done)
    assert found["rollouts"] == 60
    assert {role: usage["calls"] for role, usage in found["roles"].items()} == {
        "rollout": 150, "summarize": 24, "extract_advantage": 6, "edit_experiences": 3,
    }  # fmt: skip
    assert (found["input"], found["output"]) == (18_300, 1_830)
    assert "measured in 1 step" in found["basis"]


def test_a_library_that_grows_makes_the_rest_of_a_run_longer() -> None:
    calls = {"rollout": 50, "summarize": 8}
    flat = forecast_training(settings(), PROBLEMS, False, [step(1, 0, **calls)])
    grown = forecast_training(settings(), PROBLEMS, False, [step(1, 12, **calls)])
    # 12 lessons in the next step, 18 and 22 in those after it.
    more = grown["roles"]["rollout"]["input"] - flat["roles"]["rollout"]["input"]
    assert more == pytest.approx(150 * (12 + 18 + 22) / 3 * LESSON, abs=1)
    assert grown["roles"]["rollout"]["cached"] - flat["roles"]["rollout"]["cached"] == more
    assert grown["roles"]["summarize"] == flat["roles"]["summarize"]


def test_what_a_run_started_with_is_no_growth() -> None:
    done = [step(1, 10, rollout=50)]
    library = parse_lessons("\n".join(LESSONS.splitlines()[:10]))
    found = forecast_training(settings(), PROBLEMS, False, done, library=library)
    assert found["roles"]["rollout"]["input"] == 15_000


def test_the_time_that_is_left_comes_of_the_time_that_calls_took() -> None:
    quick, slow = step(1, 0, rollout=50), step(1, 0, rollout=50)
    slow["seconds"] = 10 * quick["seconds"]
    minutes = [
        forecast_training(settings(), PROBLEMS, False, [s])["minutes"] for s in (quick, slow)
    ]
    assert minutes[1] == pytest.approx(10 * minutes[0], rel=0.1)


def test_of_a_finished_run_nothing_is_left() -> None:
    done = [step(n, 0, rollout=50) for n in range(1, 5)]
    found = forecast_training(settings(), PROBLEMS, False, done)
    assert (found["rollouts"], found["calls"], found["input"], found["minutes"]) == (0, 0, 0, 0)


def test_an_evaluation_makes_its_attempts_and_nothing_else() -> None:
    found = forecast_evaluation(settings(attempts=8), PROBLEMS, judged=False)
    assert found["rollouts"] == 80
    assert set(found["roles"]) == {"rollout"}


def test_an_evaluation_with_a_library_reads_it_in_every_call() -> None:
    without = forecast_evaluation(settings(), PROBLEMS, False)
    known = forecast_evaluation(settings(), PROBLEMS, False, parse_lessons(LESSONS))
    expected = forecast_evaluation(settings(), PROBLEMS, False, lessons=40)
    assert without["input"] < known["input"]
    assert expected["input"] - without["input"] == without["calls"] * 40 * LESSON


def test_a_rollout_that_is_shown_a_choice_of_lessons_reads_no_more() -> None:
    library = parse_lessons(LESSONS)
    few, more, whole = (
        forecast_evaluation(settings(top_k=k), PROBLEMS, False, library)["input"]
        for k in (4, 20, None)
    )
    assert few < more < whole
    assert forecast_evaluation(settings(top_k=90), PROBLEMS, False, library)["input"] == whole


def test_forecasts_add_up_and_an_unknown_cost_stays_unknown() -> None:
    one, other = train(), forecast_evaluation(settings(), PROBLEMS, False)
    both = add_forecasts([one, other])
    assert both["rollouts"] == one["rollouts"] + other["rollouts"]
    assert both["calls"] == one["calls"] + other["calls"]
    assert both["input"] == one["input"] + other["input"]
    assert both["output"] == one["output"] + other["output"]
    assert both["minutes"] == one["minutes"] + other["minutes"]
    assert both["cost"] == pytest.approx((one["cost"] or 0) + (other["cost"] or 0))
    assert both["roles"]["rollout"]["calls"] == one["roles"]["rollout"]["calls"] + other["calls"]
    assert add_forecasts([one, train(model="openai:no-such-model")])["cost"] is None


def test_a_forecast_is_told_with_what_it_rests_on() -> None:
    said = describe_forecast(train())
    assert "80 rollouts" in said
    assert f"{CALLS} calls a rollout" in said
    assert "$" in said
    assert "cost unknown" in describe_forecast(train(model="openai:no-such-model"))
