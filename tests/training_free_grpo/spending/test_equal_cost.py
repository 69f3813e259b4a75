"""How many attempts the money of a library buys."""

import json
from pathlib import Path

import pytest

from training_free_grpo.ledger import no_usage
from training_free_grpo.metrics import measure_evaluation
from training_free_grpo.prices import Price
from training_free_grpo.records import Evaluation, Ledger
from training_free_grpo.runs.lineage import training_of
from training_free_grpo.settings import MOST_ATTEMPTS
from training_free_grpo.spending.equal_cost import Spending, attempts_for


def ledger(input: int, output: int = 0, cached: int = 0) -> Ledger:
    used = {"calls": 1, "input": input, "output": output, "cached": cached}
    return {"rollout": no_usage() | used}  # type: ignore[dict-item]


def evaluation(usage: Ledger, attempts: int = 4, price: Price | None = None) -> Evaluation:
    found = measure_evaluation([], attempts, {})
    found["usage"] = usage
    if price:
        found["cost"] = usage["rollout"]["input"] * price.input / 1_000_000
    return found


def test_the_same_tokens_buy_the_same_attempts() -> None:
    bought = attempts_for(evaluation(ledger(400)), [], evaluation(ledger(400)))
    assert bought
    assert bought.attempts == 4


def test_what_is_left_over_buys_nothing() -> None:
    bought = attempts_for(evaluation(ledger(799)), [], evaluation(ledger(400)))
    assert bought
    assert bought.attempts == 7


def test_learning_counts_with_that_of_the_runs_before() -> None:
    training = [Spending("unknown", ledger(600)), Spending("unknown", ledger(1000))]
    bought = attempts_for(evaluation(ledger(400)), training, evaluation(ledger(400)))
    assert bought
    assert bought.attempts == 20
    assert "400 weighted tokens to evaluate and 1,600 weighted tokens to learn" in bought.reason
    assert "100 weighted tokens: 20 attempts" in bought.reason


def test_without_prices_cached_input_counts_a_tenth_and_output_four_times() -> None:
    library = ledger(input=1000, cached=500, output=100)  # 500 + 50 + 400
    bought = attempts_for(evaluation(library), [], evaluation(ledger(190), attempts=2))
    assert bought
    assert bought.attempts == 10


def test_prices_decide_where_all_are_known() -> None:
    dear, cheap = Price(10, 1, 0), Price(1, 0.1, 0)
    library = evaluation(ledger(400), price=cheap)
    baseline = evaluation(ledger(400), attempts=4, price=cheap)
    training = Spending(400 * dear.input / 1_000_000, ledger(400))
    bought = attempts_for(library, [training], baseline)
    assert bought
    assert bought.attempts == 44
    assert "$0.0004 to evaluate and $0.004 to learn" in bought.reason


def test_one_unknown_price_leaves_the_weights() -> None:
    price = Price(1, 0.1, 0)
    library, baseline = (evaluation(ledger(400), price=price) for _ in range(2))
    bought = attempts_for(library, [Spending("unknown", ledger(400))], baseline)
    assert bought
    assert bought.attempts == 8


def test_there_are_no_more_attempts_than_the_setting_takes_and_it_is_said() -> None:
    bought = attempts_for(evaluation(ledger(10**9)), [], evaluation(ledger(4), attempts=4))
    assert bought
    assert bought.attempts == MOST_ATTEMPTS
    assert bought.reason.endswith("1,000,000,000 attempts, capped at 1,024, the maximum")


def test_a_library_that_saves_tokens_still_leaves_one_attempt() -> None:
    bought = attempts_for(evaluation(ledger(10)), [], evaluation(ledger(400)))
    assert bought
    assert bought.attempts == 1


def test_a_model_that_tells_no_tokens_gives_no_attempt_a_cost() -> None:
    assert attempts_for(evaluation(ledger(0)), [], evaluation(ledger(0))) is None


def test_the_runs_behind_a_library_tell_what_they_spent(tmp_path: Path) -> None:
    for name, parent, cost in ("first", None, 1.5), ("second", "first", "unknown"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"parent": parent}))
        usage = {"roles": ledger(7), "cost": cost}
        (folder / "usage.json").write_text(json.dumps(usage))
    spent = list(training_of(tmp_path / "second"))
    assert spent == [Spending("unknown", ledger(7)), Spending(1.5, ledger(7))]


def test_runs_that_name_each_other_as_parents_are_counted_once(tmp_path: Path) -> None:
    for name, parent in ("first", "second"), ("second", "first"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"parent": parent}))
        (tmp_path / name / "usage.json").write_text(json.dumps({"roles": {}, "cost": 1.0}))
    assert len(list(training_of(tmp_path / "first"))) == 2


@pytest.mark.parametrize("place", ["lessons.json", "."])
def test_a_library_from_no_run_cost_nothing_that_is_known(tmp_path: Path, place: str) -> None:
    (tmp_path / "lessons.json").write_text("{}")
    assert list(training_of(tmp_path / place)) == []
