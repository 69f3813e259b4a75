import subprocess
import sys

import pytest

from training_free_grpo.ledger import no_usage
from training_free_grpo.prices import (
    FREE,
    Bill,
    Price,
    add_bills,
    add_costs,
    bill,
    cost,
    dollars,
    find_price,
    read_price,
    show_cost,
)
from training_free_grpo.records import Ledger, Usage

PRICE = Price(input=1.0, cached=0.1, output=10.0)


def use(input: int, cached: int, output: int) -> Usage:
    return no_usage() | {"calls": 1, "input": input, "cached": cached, "output": output}


LEDGER: Ledger = {"rollout": use(1_000_000, 400_000, 50_000), "judge": use(1_000_000, 0, 0)}


def test_cached_tokens_are_charged_as_cached_and_the_rest_as_input() -> None:
    assert cost(use(1_000_000, 400_000, 50_000), PRICE) == pytest.approx(0.6 + 0.04 + 0.5)


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("openai:gpt-5-mini", None),
        ("gpt-5-mini", None),
        ("openai:gpt-5-mini-2025-08-07", None),
        ("openai:gpt-5-mini", "https://api.openai.com/v1"),
    ],
)
def test_a_listed_model_has_its_price_by_provider_and_name(name: str, base_url: str | None) -> None:
    price = find_price(name, base_url)
    assert price is not None
    assert 0 < price.cached < price.input < price.output


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("openai:no-such-model", None),
        ("no_such_provider:gpt-5-mini", None),
        ("openai:gpt-5-mini", "http://localhost:8000/v1"),
        ("openai:gpt-5-mini", "https://example.org/https://api.openai.com/v1"),
        ("ollama:gpt-oss", None),
    ],
)
def test_what_no_list_knows_has_no_price(name: str, base_url: str | None) -> None:
    assert find_price(name, base_url) is None


def test_a_server_is_looked_up_by_its_address() -> None:
    there = find_price("openai:deepseek-chat", "https://api.deepseek.com")
    assert there == find_price("deepseek:deepseek-chat") != find_price("openai:deepseek-chat")


def test_a_provider_without_a_price_for_cached_tokens_charges_them_as_input() -> None:
    price = find_price("mistralai:mistral-large-latest")
    assert price is not None
    assert price.cached == price.input


@pytest.mark.parametrize("name", ["simulated", "recorded:solutions.jsonl"])
def test_embedded_models_are_free(name: str) -> None:
    assert find_price(name) == FREE


def test_a_price_is_read_as_the_settings_write_it() -> None:
    assert read_price("0.25, 0.025,2") == Price(0.25, 0.025, 2.0)


def test_a_price_is_found_without_any_network() -> None:
    code = (
        "import sys\n"
        "sys.addaudithook(lambda event, args: event.startswith('socket.') and sys.exit(event))\n"
        "from training_free_grpo.prices import find_price\n"
        "assert find_price('openai:gpt-5-mini')"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_a_bill_names_the_model_of_each_role() -> None:
    found = bill(LEDGER, {"rollout": ("a", PRICE), "judge": ("b", FREE)})
    assert found == {
        "cost": pytest.approx(1.14),
        "costs": {
            "rollout": {"model": "a", "cost": pytest.approx(1.14)},
            "judge": {"model": "b", "cost": 0.0},
        },
    }


def test_a_bill_with_an_unknown_price_is_unknown_and_keeps_what_is_known() -> None:
    found = bill(LEDGER, {"rollout": ("a", PRICE), "judge": ("b", None)})
    assert found["cost"] == "unknown"
    assert found["costs"]["rollout"]["cost"] == pytest.approx(1.14)
    assert found["costs"]["judge"] == {"model": "b", "cost": "unknown"}


def test_a_role_of_an_unknown_model_costs_an_unknown_amount() -> None:
    assert bill(LEDGER, {})["cost"] == "unknown"


def test_no_calls_cost_nothing() -> None:
    assert bill({}, {})["cost"] == 0.0


def test_bills_add_up_by_role() -> None:
    prices = {"rollout": ("a", PRICE), "judge": ("b", None)}
    once, again = bill(LEDGER, prices), bill({"rollout": LEDGER["rollout"]}, prices)
    found = add_bills([again, once, again])
    assert found["cost"] == found["costs"]["judge"]["cost"] == "unknown"
    assert found["costs"]["rollout"] == {"model": "a", "cost": pytest.approx(3.42)}


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert add_costs([1.0, 2.5]) == 3.5
    assert add_costs([1.0, "unknown"]) == "unknown"
    assert add_costs([]) == 0.0


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "$0.00"), (1234.5, "$1,234.50"), (0.123, "$0.12"), (0.00123, "$0.0012")],
)
def test_small_amounts_are_shown_to_two_digits(amount: float, shown: str) -> None:
    assert dollars(amount) == shown


@pytest.mark.parametrize(
    ("rollout", "judge", "shown"),
    [
        (1.0, 2.0, "$3.00"),
        (1.0, "unknown", "$1.00 and an unknown cost (b)"),
        ("unknown", "unknown", "an unknown cost (a, b)"),
        ("unknown", 0.0, "an unknown cost (a)"),
    ],
)
def test_what_is_known_of_a_bill_is_said_beside_what_is_not(
    rollout: float, judge: float, shown: str
) -> None:
    found: Bill = {
        "cost": add_costs([rollout, judge]),
        "costs": {
            "rollout": {"model": "a", "cost": rollout},
            "judge": {"model": "b", "cost": judge},
        },
    }
    assert show_cost(found) == shown
